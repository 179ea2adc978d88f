package thanora.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Base64;
import thanora.image.ImageException;
import thanora.image.ImageSource;

/** Images that are in a request themselves, as data URLs: a server fetches nothing and opens no files. */
final class DataUrl {
  /** Pixels of one image, so that a small file does not fill the memory. */
  static final long MAX_PIXELS = 1 << 25;

  private static final String FORM = "data:image/png;base64,...";

  private DataUrl() {}

  /**
   * The image of a part.
   *
   * @param at its place, for messages
   * @throws ApiException if there is none, or it is too large
   */
  static ImageSource image(JsonNode url, String at) {
    if (!url.isTextual()) {
      throw ApiException.field(at + ".image_url.url", "is not a string; give " + FORM);
    }
    String text = url.textValue();
    int comma = text.indexOf(',');
    if (!text.startsWith("data:")) {
      throw ApiException.field(at + ".image_url.url", "is not a data URL; the server fetches nothing and opens no"
          + " files for others, so give the image itself: " + FORM);
    }
    if (comma < 0 || !text.substring(0, comma).endsWith(";base64")) {
      throw ApiException.field(at + ".image_url.url", "is a data URL without base64; give " + FORM);
    }
    try {
      ImageSource image = new ImageSource.ImageBytes(at, Base64.getDecoder().decode(text.substring(comma + 1)));
      image.requireAtMost(MAX_PIXELS);
      return image;
    } catch (ImageException e) {
      throw wrong(e);
    } catch (IllegalArgumentException e) {
      throw ApiException.field(at + ".image_url.url", "is not base64; give " + FORM);
    }
  }

  /** The refusal of an image that cannot be read, whose message names it. */
  static ApiException wrong(ImageException e) {
    return new ApiException(400, "messages", "invalid_image", e.getMessage());
  }
}
