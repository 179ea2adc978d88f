package thanora.data;

import java.util.Objects;

/** One example as text: what the model is given, and what it is trained to answer. */
public record Row(String prompt, String completion) {
  public Row {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(completion, "completion");
  }
}
