/**
 * Models on disk: Hugging Face folders (safetensors, single or sharded) and GGUF files, behind one
 * {@link thanora.checkpoint.Checkpoint}. Tensor names are Hugging Face's, whatever the file's are.
 */
package thanora.checkpoint;
