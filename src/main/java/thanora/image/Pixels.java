package thanora.image;

/**
 * What the vision tower reads of one image.
 *
 * @param layout of its tiles
 * @param size height and width of a tile
 * @param values (tiles, 3, size, size), normalised
 */
public record Pixels(Layout layout, int size, float[] values) {
  public Pixels {
    if (values.length != layout.tiles() * 3 * size * size) {
      throw new IllegalArgumentException(
          values.length + " values for " + layout.tiles() + " tiles of 3 x " + size + " x " + size);
    }
  }
}
