package thanora.image;

import java.util.stream.IntStream;

/**
 * The size that a processor makes images, as its file gives it; 0 is what it does not give.
 *
 * @param height exactly
 * @param width exactly
 * @param shortestEdge of a size of the image's own proportions
 * @param longestEdge of a size of the image's own proportions, or its limit
 * @param maxHeight limit of a size of the image's own proportions
 * @param maxWidth limit of a size of the image's own proportions
 */
record ImageSize(int height, int width, int shortestEdge, int longestEdge, int maxHeight, int maxWidth) {
  static ImageSize exactly(int height, int width) {
    return new ImageSize(height, width, 0, 0, 0, 0);
  }

  static ImageSize shortestEdge(int edge) {
    return new ImageSize(0, 0, edge, 0, 0, 0);
  }

  static ImageSize longestEdge(int edge) {
    return new ImageSize(0, 0, 0, edge, 0, 0);
  }

  boolean isExact() {
    return height > 0 && width > 0;
  }

  boolean isSquare() {
    return isExact() && height == width && shortestEdge == 0 && !isWithin();
  }

  boolean isWithin() {
    return maxHeight > 0 && maxWidth > 0;
  }

  int largest() {
    return IntStream.of(height, width, shortestEdge, longestEdge, maxHeight, maxWidth).max().orElseThrow();
  }

  /** Of an image, each rule rounded as transformers' is; {@link #longestEdge} alone is none of them. */
  Size of(Size image) {
    if (shortestEdge > 0) {
      return longestEdge > 0 ? withinBoth(image) : ofShorter(image, shortestEdge, shortestEdge);
    }
    if (isWithin()) {
      double scale = Math.min((double) maxHeight / image.height(), (double) maxWidth / image.width());
      return new Size(Math.max(1, (int) (image.width() * scale)), Math.max(1, (int) (image.height() * scale)));
    }
    return new Size(width, height);
  }

  private Size withinBoth(Size image) {
    double shorter = Math.min(image.width(), image.height());
    double longer = Math.max(image.width(), image.height());
    double edge = longer / shorter * shortestEdge > longestEdge ? longestEdge * shorter / longer : shortestEdge;
    int rounded = Math.max(1, (int) Math.rint(edge));
    return shorter == rounded ? image : ofShorter(image, rounded, edge);
  }

  /** The shorter edge rounded, the longer one in proportion to what it is exactly. */
  private static Size ofShorter(Size image, int rounded, double exact) {
    double shorter = Math.min(image.width(), image.height());
    int longer = (int) (exact * Math.max(image.width(), image.height()) / shorter);
    return image.width() <= image.height() ? new Size(rounded, longer) : new Size(longer, rounded);
  }
}
