package thanora.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Where an image comes from; cheap to hold, since the image itself is read when it is needed. Two are equal
 * where the image is, whatever it is called.
 */
public sealed interface ImageSource {
  /** What it is called in messages: file and line of the row, and the image's file. */
  String name();

  /**
   * The bytes of the image file.
   *
   * @throws ImageException naming it, if it cannot be read
   */
  byte[] bytes();

  /**
   * Looks whether there is such a file, without reading it.
   *
   * @throws ImageException naming it, if there is none
   */
  void requireThere();

  /**
   * A file.
   *
   * @param path of the image
   * @param row file and line that name it; empty where no row does
   */
  record ImageFile(Path path, String row) implements ImageSource {
    @Override
    public String name() {
      return row.isEmpty() ? path.toString() : row + ": image " + path;
    }

    @Override
    public byte[] bytes() {
      try {
        return Files.readAllBytes(path);
      } catch (NoSuchFileException e) {
        throw missing(e);
      } catch (IOException e) {
        throw new ImageException(name() + " cannot be read (" + e.getMessage() + ")", e);
      }
    }

    @Override
    public void requireThere() {
      if (!Files.isRegularFile(path)) {
        throw missing(null);
      }
    }

    private ImageException missing(IOException cause) {
      return new ImageException(name() + (Files.exists(path) ? " is no file" : " does not exist")
          + "; paths are relative to image_dir of the task, or to the file of the row", cause);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ImageFile file && file.path.equals(path);
    }

    @Override
    public int hashCode() {
      return path.hashCode();
    }
  }

  /** Bytes that came some other way, such as in a request. */
  record ImageBytes(String name, byte[] bytes) implements ImageSource {
    @Override
    public void requireThere() {
      // bytes are
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof ImageBytes image && Arrays.equals(image.bytes, bytes);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(bytes);
    }
  }
}
