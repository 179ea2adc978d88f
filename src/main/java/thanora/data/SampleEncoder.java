package thanora.data;

import java.util.OptionalInt;
import thanora.text.Encoded;

/**
 * Text to token ids; the seam through which a tokenizer and its chat template come in. Called from
 * several threads.
 */
@FunctionalInterface
public interface SampleEncoder {
  /**
   * The tokens of a row, and which of them are trained on.
   *
   * @throws thanora.image.ImageException if an image of the row is missing, or text and images do not fit
   */
  Encoded encode(Row row);

  /** The token that is a vector of an image's; empty where there are no images. */
  default OptionalInt imageToken() {
    return OptionalInt.empty();
  }
}
