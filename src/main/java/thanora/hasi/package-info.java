/**
 * Heterogeneity-aware subspace initialisation (HASI): what each task needs of each module, measured
 * before training, and the low-rank blocks that follow from it.
 *
 * <p>In order: {@link thanora.hasi.Moments} of the activations, {@link thanora.hasi.Spectrum} of
 * W·C (or of the gradients of a {@link thanora.hasi.GradientPass}; in wide models estimated by {@link
 * thanora.hasi.MomentSpectra}) and its entropy, {@link
 * thanora.hasi.RankAllocator} for shares and ranks, {@link thanora.hasi.TaskSubspaces} for the
 * factors; {@link thanora.hasi.Hasi} does all of it for one
 * decoder layer, {@link thanora.hasi.HasiStarts} for many adapters at once, and {@link
 * thanora.hasi.RankPlan} is the file that says what came out and why.
 *
 * <p>Source: Liang et al., arXiv 2505.18640; options that the paper leaves open are in {@link
 * thanora.hasi.HasiConfig}.
 */
package thanora.hasi;
