package thanora.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Where an image comes from; cheap to hold, since the image itself is read when it is needed. */
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
        throw new ImageException(name() + " does not exist; paths are relative to the file of the row", e);
      } catch (IOException e) {
        throw new ImageException(name() + " cannot be read (" + e.getMessage() + ")", e);
      }
    }
  }

  /** Bytes that came some other way, such as in a request. */
  record ImageBytes(String name, byte[] bytes) implements ImageSource {}
}
