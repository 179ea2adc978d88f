package thanora.image;

/** An image that is missing, broken or of no use, in one line: which, what is wrong, what to do. */
public final class ImageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ImageException(String message) {
    super(message);
  }

  public ImageException(String message, Throwable cause) {
    super(message, cause);
  }
}
