/**
 * Training: {@link thanora.train.Trainer} is one optimiser step, {@link thanora.train.TrainingLoop}
 * the run around it.
 */
package thanora.train;
