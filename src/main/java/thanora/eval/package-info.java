/**
 * Evaluation: {@link thanora.eval.Metric} judges one answer, {@link thanora.eval.ScoredRow} is a row
 * with its answer and likelihood, {@link thanora.eval.TaskScore} is what a task comes to, {@link
 * thanora.eval.AnswersFile} keeps the rows of a run, {@link thanora.eval.LmEvalFiles} writes
 * them as lm-evaluation-harness does.
 */
package thanora.eval;
