package thanora.lora;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.model.Projection;
import thanora.model.Tape;
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
    Tensor wx = inner.product(x);
    return batch.tape().isPresent() ? recorded(x, wx, batch, batch.tape().get()) : plain(x, wx, batch);
  }

  private Tensor plain(Tensor x, Tensor wx, TokenBatch batch) {
    List<Tensor> inputs = parts(x, batch);
    List<Tensor> outputs = parts(wx, batch);
    Tensor[] y = new Tensor[adapters.size()];
    for (int i = 0; i < y.length; i++) {
      y[i] = adapters.get(i).apply(sites.get(i), inputs.get(i), outputs.get(i), inner.bias(), batch);
    }
    return y.length == 1 ? y[0] : Ops.cat(0, y);
  }

  private Tensor recorded(Tensor x, Tensor wx, TokenBatch batch, Tape tape) {
    List<Tensor> inputs = parts(x, batch);
    List<Tensor> outputs = parts(wx, batch);
    List<Share> shares = new ArrayList<>();
    Tensor[] y = new Tensor[adapters.size()];
    boolean inPlace = true;
    for (int i = 0; i < y.length; i++) {
      Tensor input = tape.keep(inputs.get(i));
      shares.add(adapters.get(i).share(sites.get(i), input, outputs.get(i), inner.bias(), batch, tape));
      y[i] = shares.get(i).y();
      inPlace &= y[i] == outputs.get(i);
    }
    Tensor result = inPlace ? wx : y.length == 1 ? y[0] : Ops.cat(0, y);
    return tape.record(result, dy -> backward(x, dy, shares, batch, tape), List.of(x));
  }

  private void backward(Tensor x, Tensor dy, List<Share> shares, TokenBatch batch, Tape tape) {
    List<Tensor> upstream = parts(dy, batch);
    Tensor[] ofBase = new Tensor[shares.size()];
    boolean same = true;
    for (int i = 0; i < ofBase.length; i++) {
      ofBase[i] = shares.get(i).backward(upstream.get(i));
      same &= ofBase[i] == upstream.get(i);
    }
    if (!tape.reaches(x)) {
      return;
    }
    Tensor dx = tape.addProduct(x, same ? dy : Ops.cat(0, ofBase), inner.weight());
    List<Tensor> below = parts(dx, batch);
    for (int i = 0; i < ofBase.length; i++) {
      shares.get(i).addTo(below.get(i));
    }
  }

  /** The rows of each adapter's members, as views. */
  private List<Tensor> parts(Tensor x, TokenBatch batch) {
    if (adapters.size() == 1) {
      return List.of(x);
    }
    long perMember = x.size(0) / batch.members();
    return Ops.split(x, adapters.stream().mapToLong(adapter -> perMember * adapter.members()).toArray());
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
