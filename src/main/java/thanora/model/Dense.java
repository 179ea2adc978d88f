package thanora.model;

import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Ops;

/** A frozen linear layer. */
record Dense(Tensor weight, Optional<Tensor> bias) implements Projection {
  @Override
  public Tensor apply(Tensor x, TokenBatch batch) {
    return Steps.dense(batch, x, this);
  }

  @Override
  public boolean isBare() {
    return true;
  }
}
