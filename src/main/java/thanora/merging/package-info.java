/**
 * Merging adapters that were trained apart, one a task, into one change of each weight.
 *
 * <p>A {@link thanora.merging.MergeRule} makes one tensor of several of one shape: {@link
 * thanora.merging.TaskArithmetic}, {@link thanora.merging.Ties}, {@link thanora.merging.DareTies}.
 * It works in full space on s B A, or through {@link thanora.merging.Knots} and {@link
 * thanora.merging.CoreSpace} in a space that the adapters share. Everything is float64.
 */
package thanora.merging;
