package thanora.image;

/** A processor whose tiles are all of one size, as high as wide. */
public interface SquareTiles extends ImageProcessor {
  /** Height and width of a tile. */
  int tile();

  /** What becomes of values of 8 bits. */
  Normaliser normaliser();

  /** The longest edge of an image when it is cut into tiles; 0 if images are not cut. */
  default int longestEdge() {
    return 0;
  }
}
