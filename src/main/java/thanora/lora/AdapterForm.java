package thanora.lora;

import java.util.List;
import java.util.Optional;
import thanora.model.Decoder;
import thanora.model.DecoderMemory;
import thanora.tensor.DType;

/** The shape of an adapter. Configurations of equal form can be members of one {@link Adapter}. */
public interface AdapterForm {
  /** An adapter with room for so many members, all zeros. */
  Adapter create(Decoder model, List<String> modules, int members);

  /** A form that serves configurations of this one and of another alike, where there is one. */
  default Optional<AdapterForm> with(AdapterForm other) {
    return equals(other) ? Optional.of(this) : Optional.empty();
  }

  /**
   * What an adapter of this form takes of memory at a linear layer, for one member.
   *
   * @throws UnsupportedOperationException where that is not counted
   */
  default Memory memory(DecoderMemory.Linear layer, DType dtype) {
    throw new UnsupportedOperationException(
        "the memory of this method is not counted; it is there for thanora compare");
  }

  /**
   * Memory at a linear layer.
   *
   * @param trained numbers that are trained, float32: each has a gradient and two moments beside it
   * @param held bytes of what is read in their place and of what is frozen
   * @param kept elements a token of the activations' type that a recorded pass keeps beside the
   *     layer's input
   */
  record Memory(long trained, long held, long kept) {}
}
