package thanora.fused;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import thanora.model.CausalAttention;
import thanora.model.Tape;
import thanora.model.TokenBatch;
import thanora.tensor.RaggedAttention;

/** Attention over the rows of a batch, with its backward pass to follow. */
interface AttentionPass {
  /** (N, H Dh). */
  Tensor output();

  /** The gradients of query, key and value (N, ·), from that of the output. */
  List<Tensor> backward(Tensor dy);

  /** What the backward pass reads beside query, key and value. */
  List<Tensor> kept();

  /**
   * The forward pass; rows of query, key and value (N, ·) may be strided, and must stay as they are until
   * the backward pass is done.
   */
  static AttentionPass of(
      CausalAttention attention, Tensor query, Tensor key, Tensor value, TokenBatch batch, Tape tape) {
    return RaggedAttention.serves(attention.heads(query))
        ? Flash.of(attention, query, key, value, batch)
        : new ByAutograd(tape.graph(List.of(query, key, value),
            in -> attention.attend(in.get(0), in.get(1), in.get(2), batch)));
  }

  /** By libtorch's autograd; the tape keeps its graph for the node that is recorded next. */
  record ByAutograd(Tape.Graph graph) implements AttentionPass {
    @Override
    public Tensor output() {
      return graph.output();
    }

    @Override
    public List<Tensor> backward(Tensor dy) {
      return graph.backward(dy);
    }

    @Override
    public List<Tensor> kept() {
      return List.of();
    }
  }

  /** By FlashAttention, on rows as they lie. */
  record Flash(List<Tensor> heads, RaggedAttention.Rows rows, RaggedAttention.Result result)
      implements AttentionPass {
    static Flash of(CausalAttention attention, Tensor query, Tensor key, Tensor value, TokenBatch batch) {
      List<Tensor> heads = List.of(attention.heads(query), attention.heads(key), attention.heads(value));
      RaggedAttention.Rows rows = attention.ragged(batch);
      return new Flash(heads, rows, RaggedAttention.forward(heads.get(0), heads.get(1), heads.get(2), rows));
    }

    @Override
    public Tensor output() {
      Tensor output = result.output();
      return output.reshape(output.size(0), -1);
    }

    @Override
    public List<Tensor> backward(Tensor dy) {
      Tensor ofHeads = dy.view(dy.size(0), -1, heads.get(0).size(2));
      return RaggedAttention.backward(ofHeads, heads.get(0), heads.get(1), heads.get(2), result, rows).stream()
          .map(gradient -> gradient.reshape(gradient.size(0), -1)).toList();
    }

    @Override
    public List<Tensor> kept() {
      List<Tensor> kept = new ArrayList<>(heads);
      kept.addAll(result.kept());
      kept.add(rows.starts());
      return kept;
    }
  }
}
