/**
 * What leaves the project: an adapter that PEFT loads ({@link thanora.export.PeftAdapter}) and a
 * merged Hugging Face folder ({@link thanora.export.MergedFolder}), each checked by {@link
 * thanora.export.LogitCheck}.
 */
package thanora.export;
