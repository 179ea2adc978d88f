package thanora.image;

import java.util.List;
import thanora.text.Encoded;

/**
 * The tokens that stand for an image.
 *
 * @param id the image token, a vector of the tower's each
 * @param placeholder its text, which stands once for each image in a prompt
 * @param byLayout what takes the place of one placeholder
 */
public record ImageTokens(int id, String placeholder, ByLayout byLayout) {
  /** The ids in the place of a placeholder. */
  @FunctionalInterface
  public interface ByLayout {
    int[] of(Layout layout);
  }

  /**
   * Puts every image's tokens in the place of its placeholder.
   *
   * @param row with one id for each image, in their order
   * @throws ImageException if there are not as many placeholders as images
   */
  public Encoded expand(Encoded row, List<Layout> images) {
    int[] ids = row.ids();
    int found = 0;
    int length = 0;
    for (int token : ids) {
      length += token == id && found < images.size() ? byLayout.of(images.get(found)).length : 1;
      found += token == id ? 1 : 0;
    }
    if (found != images.size()) {
      throw new ImageException(images.size() + " images, but " + placeholder + " stands " + found
          + " times in the text; write it once for each image");
    }
    int[] expanded = new int[length];
    boolean[] trained = new boolean[length];
    int at = 0;
    int image = 0;
    for (int i = 0; i < ids.length; i++) {
      int[] put = ids[i] == id ? byLayout.of(images.get(image++)) : new int[] {ids[i]};
      for (int token : put) {
        expanded[at] = token;
        trained[at++] = row.trained()[i];
      }
    }
    return new Encoded(expanded, trained);
  }
}
