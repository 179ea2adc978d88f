package thanora.image;

/**
 * How a processor cuts an image into tiles, each of which goes through the vision tower.
 *
 * @param rows of tiles; 0 where the image is one tile
 * @param columns of tiles; 0 where the image is one tile
 */
public record Layout(int rows, int columns) {
  /** An image that is not cut. */
  public static final Layout WHOLE = new Layout(0, 0);

  /** Tiles that go through the tower: those it is cut into, and the whole image, which comes last. */
  public int tiles() {
    return rows * columns + 1;
  }
}
