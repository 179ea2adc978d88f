package thanora.model;

import org.bytedeco.pytorch.Tensor;

/** A place for a linear layer: adapters and recorders replace the {@link Projection} that is in it. */
final class Slot {
  private final String name;
  private Projection projection;

  Slot(String name, Projection projection) {
    this.name = name;
    this.projection = projection;
  }

  /** A frozen linear layer of {@code in} to {@code out}. */
  static Slot read(Reader reader, String name, int out, int in, boolean bias) {
    return new Slot(name, new Dense(
        reader.read(name + ".weight", out, in), reader.readIf(bias, name + ".bias", out)));
  }

  /** The layer's name in the whole model. */
  String name() {
    return name;
  }

  Projection get() {
    return projection;
  }

  void set(Projection replacement) {
    projection = replacement;
  }

  Tensor apply(Tensor x, TokenBatch batch) {
    return projection.apply(x, batch);
  }
}
