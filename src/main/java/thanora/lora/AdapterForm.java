package thanora.lora;

import java.util.List;
import java.util.Optional;
import thanora.model.Decoder;

/** The shape of an adapter. Configurations of equal form can be members of one {@link Adapter}. */
public interface AdapterForm {
  /** An adapter with room for so many members, all zeros. */
  Adapter create(Decoder model, List<String> modules, int members);

  /** A form that serves configurations of this one and of another alike, where there is one. */
  default Optional<AdapterForm> with(AdapterForm other) {
    return equals(other) ? Optional.of(this) : Optional.empty();
  }
}
