package thanora.eval;

/**
 * What a task comes to on its rows.
 *
 * @param metric how answers were judged
 * @param score mean of the metric over the rows, in [0, 1]
 * @param nll negative log-likelihood of the completions in nats a token, mean over label tokens
 * @param rows rows judged
 * @param labelTokens tokens that nll is the mean of
 */
public record TaskScore(Metric metric, double score, double nll, int rows, long labelTokens) {}
