package thanora.data;

import thanora.text.Encoded;

/**
 * Text to token ids; the seam through which a tokenizer and its chat template come in. Called from
 * several threads.
 */
@FunctionalInterface
public interface SampleEncoder {
  /** The tokens of a row, and which of them are trained on. */
  Encoded encode(Row row);
}
