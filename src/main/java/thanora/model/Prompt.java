package thanora.model;

import java.util.List;
import thanora.image.ImageSource;

/**
 * What a text to be generated begins with.
 *
 * @param ids at least one token
 * @param images what its image tokens stand for, in their order
 */
public record Prompt(int[] ids, List<ImageSource> images) {
  /** Without images. */
  public Prompt(int[] ids) {
    this(ids, List.of());
  }
}
