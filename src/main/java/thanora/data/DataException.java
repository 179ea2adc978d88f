package thanora.data;

import java.util.List;
import java.util.stream.Collectors;

/** A fault of the data, in one line: the file and line or the task, the rule, the remedy. */
public final class DataException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DataException(String message) {
    super(message);
  }

  /** Several faults, a line each. */
  static DataException of(List<DataException> faults) {
    return new DataException(
        faults.stream().map(Throwable::getMessage).collect(Collectors.joining("\n")), faults.get(0));
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
