package thanora;

import java.util.Set;
import java.util.function.LongConsumer;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Weights;
import thanora.tensor.DType;
import thanora.tensor.Placement;

/** Weights that say how many of them were read. */
final class CountedWeights implements Weights {
  private final Weights weights;
  private final LongConsumer read;
  private long count;

  CountedWeights(Weights weights, LongConsumer read) {
    this.weights = weights;
    this.read = read;
  }

  @Override
  public Set<String> names() {
    return weights.names();
  }

  @Override
  public long[] shape(String name) {
    return weights.shape(name);
  }

  @Override
  public DType dtype(String name) {
    return weights.dtype(name);
  }

  @Override
  public Tensor load(String name, Placement placement) {
    Tensor tensor = weights.load(name, placement);
    read.accept(++count);
    return tensor;
  }

  @Override
  public void close() {
    weights.close();
  }
}
