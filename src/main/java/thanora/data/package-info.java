/**
 * Data: files of rows become tasks, tasks become samples, samples become unpadded batches. Host
 * arrays only; tokenisation comes in as a {@link thanora.data.SampleEncoder}. docs/data.md says what
 * rows are read.
 *
 * <p>Read {@link thanora.data.TaskReader} for the way from files to samples, {@link
 * thanora.data.MixtureSampler} for which rows a step sees, {@link thanora.data.Batch} for what the
 * model gets.
 */
package thanora.data;
