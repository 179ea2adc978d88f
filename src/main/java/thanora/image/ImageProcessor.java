package thanora.image;

/** Makes pixel values of images as a model's own processor does. Called from several threads. */
public interface ImageProcessor {
  /**
   * How an image will be cut; looks at its size alone where it can.
   *
   * @throws ImageException naming the image, if it is missing or no image
   */
  Layout layout(ImageSource image);

  /**
   * The image as the tower reads it.
   *
   * @throws ImageException naming the image, if it is missing or broken
   */
  Pixels pixels(ImageSource image);

  /** Text that differs between processors that make different pixels of an image. */
  String signature();
}
