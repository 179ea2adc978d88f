package thanora.image;

/**
 * How images become what a model reads.
 *
 * @param processor makes pixel values
 * @param tokens stand for an image in the text
 */
public record ModelImages(ImageProcessor processor, ImageTokens tokens) {}
