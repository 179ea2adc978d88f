package thanora.data;

/**
 * A task, read and encoded.
 *
 * @param name its name
 * @param metric the name of its metric
 * @param weight its weight where the mixing is by weights
 * @param train rows to train on, at least one
 * @param validation rows to watch during training, perhaps none
 * @param test rows that judge it, perhaps none
 */
public record TaskData(
    String name, String metric, double weight, Split train, Split validation, Split test) {}
