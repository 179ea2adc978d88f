package thanora.image;

/** A processor whose tiles are all of one size, as high as wide. */
interface SquareTiles extends ImageProcessor {
  /** Height and width of a tile. */
  int tile();
}
