package thanora.lora;

import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Projection;
import thanora.model.TokenBatch;
import thanora.tensor.Ops;

/**
 * A linear layer with adapters: W x once for the tokens of all members, then each adapter's share.
 *
 * @param inner the layer adapted
 */
record AdaptedProjection(Projection inner, List<Adapter> adapters, List<Adapter.Site> sites)
    implements Projection {

  static AdaptedProjection of(Projection inner, String module, List<? extends Adapter> adapters) {
    return new AdaptedProjection(
        inner, List.copyOf(adapters), adapters.stream().map(adapter -> adapter.site(module)).toList());
  }

  @Override
  public Tensor apply(Tensor x, TokenBatch batch) {
    Tensor wx = inner.apply(x, batch);
    if (adapters.size() == 1) {
      return adapters.get(0).apply(sites.get(0), x, wx, inner.bias(), batch);
    }
    long perMember = x.size(0) / batch.members();
    long[] sizes = adapters.stream().mapToLong(adapter -> perMember * adapter.members()).toArray();
    List<Tensor> inputs = Ops.split(x, sizes);
    List<Tensor> outputs = Ops.split(wx, sizes);
    Tensor[] parts = new Tensor[sizes.length];
    for (int i = 0; i < parts.length; i++) {
      parts[i] = adapters.get(i).apply(sites.get(i), inputs.get(i), outputs.get(i), inner.bias(), batch);
    }
    return Ops.cat(0, parts);
  }

  @Override
  public Optional<Tensor> bias() {
    return inner.bias();
  }

  @Override
  public Tensor weight() {
    return inner.weight();
  }
}
