package thanora.eval;

import java.util.List;
import java.util.Optional;

/**
 * One test row as it was scored.
 *
 * @param row its index in its file, from 0
 * @param prompt what was asked
 * @param expected the row's completion
 * @param answer what was generated; empty where nothing was
 * @param score of the answer, in [0, 1]; NaN without one
 * @param nll Σ −log p over the completion's tokens, in nats
 * @param tokens how many these are
 * @param images files of the row's images, or where the row is that holds them
 */
public record ScoredRow(
    int row, String prompt, String expected, Optional<String> answer, double score, double nll, long tokens,
    List<String> images) {}
