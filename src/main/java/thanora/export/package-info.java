/**
 * What leaves the project: adapters that PEFT ({@link thanora.export.PeftAdapter}) and llama.cpp
 * ({@link thanora.export.GgufAdapter}) load, merged Hugging Face folders ({@link
 * thanora.export.MergedFolder}) and GGUF files ({@link thanora.export.GgufModel}), each checked by {@link
 * thanora.export.LogitCheck}.
 */
package thanora.export;
