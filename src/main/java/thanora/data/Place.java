package thanora.data;

import java.nio.file.Path;

/**
 * Where a row stands, for messages.
 *
 * @param number line of a text file, or row of a table, from 1
 */
record Place(Path file, int number) {
  @Override
  public String toString() {
    return file + ":" + number;
  }

  DataException fault(String message) {
    return new DataException(this + ": " + message);
  }
}
