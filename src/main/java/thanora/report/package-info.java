/**
 * A run as one HTML file: {@link thanora.report.RunReport} draws what {@link thanora.report.RunFiles}
 * reads from a run folder, finished or not; {@link
 * thanora.report.TrainerState} says the same to the plotters of others.
 */
package thanora.report;
