package thanora.data;

/** Text to token ids; the seam through which a tokenizer and its chat template come in. */
@FunctionalInterface
public interface SampleEncoder {
  /** The tokens of a row: prompt, then completion and end tokens. */
  EncodedRow encode(Row row);
}
