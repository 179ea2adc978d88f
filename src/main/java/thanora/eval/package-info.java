/**
 * Evaluation: {@link thanora.eval.Metric} judges one answer, {@link thanora.eval.TaskScore} is what
 * a task comes to.
 */
package thanora.eval;
