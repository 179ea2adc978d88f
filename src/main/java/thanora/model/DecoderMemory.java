package thanora.model;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import thanora.tensor.CrossEntropy;
import thanora.tensor.DType;

/**
 * The memory that a {@link Decoder} takes, counted from its configuration before any weight is read.
 *
 * <p>What a recorded forward pass keeps is what its {@link Tape}'s nodes keep, tensor by tensor; a
 * tensor that two nodes keep is one tensor. With D the width of the residual stream, F that of the
 * SwiGLU block, Q = H Dh and K = Hkv Dh, a layer keeps, in elements a token of the activations' type:
 *
 * <ul>
 *   <li>each norm ({@link Steps#norm}, a graph of libtorch): its input D and its output D; on a CPU, of
 *       16 bits, the input in float32 too;
 *   <li>q, k and v: nothing of their own, since turning ({@link Steps#turned}) needs angles only; with
 *       norms of heads their input and output, 2 (Q + K);
 *   <li>attention: q and k as turned, v, its result, 2 Q + 2 K, and a float32 a head; the same once
 *       more, of the padded rows, where rows of unequal length are laid side by side. Where libtorch has
 *       no kernel of one piece, which is grouped heads without {@link thanora.tensor.RaggedAttention}, it keeps
 *       of every padded token q, k and v for all heads, 3 Q, and the scores before and after masked rows
 *       are looked for, 2 H L, with L the longest row;
 *   <li>the SwiGLU block ({@link Steps#gated}): gate and up, 2 F, and down's input, F;
 *   <li>what each adapter keeps of a layer it is on; the layer's input is there already.
 * </ul>
 *
 * <p>Sums keep nothing. So a layer with an adapter on every linear keeps 4 D + 2 Q + 2 K + 3 F, and
 * what no adapter lies under keeps nothing. On top of that come tensors of the moment, of which the
 * largest lot counts: those of a whole layer, which live till its end; the logits of a chunk ({@link
 * HeadLoss}), with the last layer's output and its gradient; or four times F in the backward pass of the last
 * SwiGLU block, with the gradient of its layer's output.
 *
 * <p>A layer that is one node (package {@code thanora.fused}) keeps its input and the sum in its middle, 2 D,
 * attention as above (its scores once), gate and up, 2 F, and two float32: norms and down's input are made again. Its weights
 * lie in matrices with the adapters' factors around them, and the factors' gradients of all layers beside them.
 *
 * <p>Layers that are run again ({@link Checkpointing}) keep their input, D; all else of a layer is as long as a slice.
 *
 * @param config the model's
 * @param dtype of weights and activations
 * @param gpu whether it is on a GPU
 */
public record DecoderMemory(ModelConfig config, DType dtype, boolean gpu) {
  /** Of a CPU's heap in a process that runs layers again. */
  private static final long HOLES = 32L << 20;

  private static final int FLOAT = 4;

  /**
   * A linear layer.
   *
   * @param in width of its input
   * @param out width of its output
   * @param outputIsKept whether the node that reads its output keeps it
   */
  public record Linear(String name, int in, int out, boolean outputIsKept) {
    String kind() {
      return name.substring(name.lastIndexOf('.') + 1);
    }
  }

  /**
   * Rows of a forward pass.
   *
   * @param tokens N
   * @param labels tokens whose next token is trained on
   * @param rows their number
   * @param longest tokens of the longest, L
   */
  public record Rows(long tokens, long labels, long rows, long longest) {
    /** Rows of one length, every token trained on. */
    public static Rows dense(long rows, long length) {
      return new Rows(rows * length, rows * (length - 1), rows, length);
    }

    /** Those of a slice of {@link Checkpointing}. */
    Rows slice(boolean gpu) {
      int most = Checkpointing.tokens(gpu);
      long count = (tokens + most - 1) / most;
      if (count <= 1) {
        return this;
      }
      long own = (rows + count - 1) / count;
      return new Rows(own * tokens / rows, own * labels / rows, own, longest);
    }

    /** Tokens if all rows were as long as the longest. */
    long padded() {
      return rows * longest;
    }
  }

  /** All linear layers in order of the forward pass, as {@link Decoder#projectionNames}. */
  public List<Linear> allLinears() {
    return Stream.concat(visionLinears().stream(), linears().stream()).toList();
  }

  private List<Linear> visionLinears() {
    return config.vision().map(part -> part.linears(config.hidden())).orElse(List.of());
  }

  /** Those of the decoder alone. */
  public List<Linear> linears() {
    int d = config.hidden();
    List<Linear> linears = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      String at = config.modules() + "layers." + i + ".";
      if (config.stacked()) {
        linears.add(new Linear(at + "self_attn.qkv_proj", d, config.queryWidth() + 2 * config.kvWidth(), true));
      } else {
        linears.add(new Linear(at + "self_attn.q_proj", d, config.queryWidth(), false));
        linears.add(new Linear(at + "self_attn.k_proj", d, config.kvWidth(), false));
        linears.add(new Linear(at + "self_attn.v_proj", d, config.kvWidth(), true));
      }
      linears.add(new Linear(at + "self_attn.o_proj", config.queryWidth(), d, config.norms().after()));
      if (config.stacked()) {
        linears.add(new Linear(at + "mlp.gate_up_proj", d, 2 * config.feedForward(), true));
      } else {
        linears.add(new Linear(at + "mlp.gate_proj", d, config.feedForward(), true));
        linears.add(new Linear(at + "mlp.up_proj", d, config.feedForward(), true));
      }
      linears.add(new Linear(at + "mlp.down_proj", config.feedForward(), d, config.norms().after()));
    }
    return linears;
  }

  /** Numbers of all linear layers: what a token is multiplied by. */
  public long linearNumbers() {
    return linears().stream().mapToLong(linear -> (long) linear.in * linear.out).sum();
  }

  /** Bytes of the weights, and of the rotary angles. */
  public long weights() {
    long d = config.hidden();
    long table = config.vocabulary() * d;
    long layer = (config.norms().after() ? 4 : 2) * d + (config.attentionBias() ? config.queryWidth() + 2L * config.kvWidth() : 0)
        + (config.outputBias() ? d : 0) + (config.feedForwardBias() ? 2L * config.feedForward() + d : 0);
    long angles = (long) Math.min(config.maxPositions(), 2048) * config.headDim();
    long seen = visionLinears().stream().mapToLong(linear -> (linear.in + 1L) * linear.out).sum()
        + config.vision().map(part -> (long) part.towerTokens() * part.hidden()).orElse(0L);
    long numbers = seen + linearNumbers() + config.layers() * layer + d + (config.tied() ? 1 : 2) * table + angles;
    return numbers * dtype.bytes();
  }

  /** Bytes of the keys and values of rows being generated ({@link KvCache}). */
  public long cache(long rows, long capacity) {
    return 2L * config.layers() * rows * capacity * config.kvWidth() * dtype.bytes();
  }

  /**
   * Bytes that a recorded forward pass keeps for the backward pass.
   *
   * @param adapted names of the linear layers that adapters are on
   * @param ofAdapter elements a token that the adapter keeps of such a layer beside its input
   * @param whole whether layers with adapters are one node each
   */
  public long kept(Collection<String> adapted, ToLongFunction<Linear> ofAdapter, Rows rows, boolean whole) {
    List<Linear> linears = linears();
    int perLayer = linears.size() / config.layers();
    Count count = new Count(rows);
    boolean reached = false;
    for (int at = 0; at < linears.size(); at += perLayer) {
      List<Linear> own = linears.subList(at, at + perLayer).stream()
          .filter(linear -> adapted.contains(linear.name)).toList();
      if (whole && !own.isEmpty()) {
        reached = whole(count);
      } else {
        reached = layer(own.stream().map(Linear::kind).toList(), reached, count);
      }
      count.elements += rows.tokens * own.stream().mapToLong(ofAdapter).sum();
    }
    count.elements += rows.tokens * 2 * config.headDim(); // the angles, as they are and reversed
    return count.elements * dtype.bytes() + count.floats * FLOAT;
  }

  /** The same where layers are run again: their inputs. */
  public long inputs(Collection<String> adapted, Rows rows) {
    return reached(adapted) * ofResidual(rows) + rows.tokens * 2 * config.headDim() * dtype.bytes();
  }

  /** Layers from the first with an adapter on. */
  private long reached(Collection<String> adapted) {
    return config.layers() - firstAdapted(adapted);
  }

  /** Bytes of a layer's input. */
  private long ofResidual(Rows rows) {
    return rows.tokens * config.hidden() * dtype.bytes();
  }

  /** The number of the first layer with an adapter; that of layers where there is none. */
  private int firstAdapted(Collection<String> adapted) {
    List<Linear> linears = linears();
    int perLayer = linears.size() / config.layers();
    for (int i = 0; i < linears.size(); i++) {
      if (adapted.contains(linears.get(i).name)) {
        return i / perLayer;
      }
    }
    return config.layers();
  }

  /** What a pass keeps: elements of the activations' type, and float32. */
  private static final class Count {
    private final Rows rows;
    private long elements;
    private long floats;

    Count(Rows rows) {
      this.rows = rows;
    }

    void keep(boolean condition, long width) {
      elements += condition ? rows.tokens * width : 0;
    }
  }

  /** Whether layers are arranged as Llama's, without norms of heads or caps, so that they can be one node each. */
  public boolean hasPlainLayers() {
    return !config.norms().after() && !config.norms().ofHeads() && config.scores().cap() == 0;
  }

  /** Counts a layer that is one node; its output is reached by gradients. */
  private boolean whole(Count count) {
    count.keep(true, 2L * config.hidden() + 2L * config.feedForward());
    count.floats += 2 * count.rows.tokens;
    attention(count, 1);
    return true;
  }

  /**
   * Counts what attention keeps: query, key, value, its result, and what its kernel needs beside them.
   *
   * @param scores how often all of them count, where they are in memory
   */
  private void attention(Count count, int scores) {
    long q = config.queryWidth();
    long kv = config.kvWidth();
    count.keep(true, 2 * q + 2 * kv);
    long padded = count.rows.padded();
    if (inPieces()) {
      count.elements += padded * (3 * q + scores * config.heads() * count.rows.longest);
    } else {
      count.elements += hasRaggedAttention() || padded == count.rows.tokens
          ? 0 : padded * (2 * q + 2 * kv) + count.rows.tokens * q;
      count.floats += padded * config.heads();
    }
  }

  /** Counts a layer; whether its output is reached by gradients, given whether its input is. */
  private boolean layer(List<String> adapted, boolean reached, Count count) {
    long d = config.hidden();
    long q = config.queryWidth();
    long kv = config.kvWidth();
    boolean intoAttention = List.of("q_proj", "k_proj", "v_proj", "qkv_proj").stream().anyMatch(adapted::contains);
    count.keep(reached, d);
    count.keep(reached || intoAttention, d); // the norm's output, which q, k and v read
    count.floats += reached ? count.rows.tokens * ofNorm() : 0;
    boolean attended = reached || intoAttention;
    if (attended) {
      count.keep(config.norms().ofHeads(), 2 * (q + kv));
      count.keep(config.stacked(), q + kv); // v is a part of what q and k are parts of
      attention(count, 2);
    }
    boolean o = adapted.contains("o_proj");
    count.keep(o && !attended, q);
    boolean summed = attended || o;
    boolean intoUnit = List.of("gate_proj", "up_proj", "gate_up_proj").stream().anyMatch(adapted::contains);
    norm(summed && config.norms().after(), count);
    count.keep(summed, d);
    count.keep(summed || intoUnit, d);
    count.floats += summed ? count.rows.tokens * ofNorm() : 0;
    boolean gated = summed || intoUnit;
    boolean down = adapted.contains("down_proj");
    count.keep(gated, 2L * config.feedForward());
    count.keep(down, config.feedForward());
    norm((gated || down) && config.norms().after(), count);
    return gated || down;
  }

  /** Counts a norm that is reached: what it reads, what it gives, and what it keeps in float32. */
  private void norm(boolean reached, Count count) {
    count.keep(reached, 2L * config.hidden());
    count.floats += reached ? count.rows.tokens * ofNorm() : 0;
  }

  /** Numbers of float32 a token that a norm keeps. */
  private long ofNorm() {
    return gpu || dtype == DType.F32 ? 1 : 1 + config.hidden();
  }

  private boolean hasRaggedAttention() {
    return gpu && dtype.bytes() == 2 && config.scores().cap() == 0 && config.headDim() % 8 == 0 && config.headDim() <= 256;
  }

  /** Whether attention is several operators, with all scores in memory. */
  private boolean inPieces() {
    return config.scores().cap() > 0 || !hasRaggedAttention() && config.heads() != config.kvHeads();
  }

  /** Elements of the scores of a layer, if they are in memory. */
  private long scores(Rows rows) {
    return inPieces() ? rows.padded() * config.heads() * rows.longest : 0;
  }

  /** Bytes that live at once, at most, in a pass that keeps nothing: a layer's tensors. */
  public long unrecorded(Rows rows) {
    long d = config.hidden();
    long heads = config.queryWidth() + config.kvWidth();
    // norms, q k v and what turning makes of them, attention, o, sums; gate, up, silu, product, down
    long layer = 6 * d + 6 * heads + 2L * config.queryWidth() + 4L * config.feedForward();
    return (rows.tokens * layer + 3 * scores(rows)) * dtype.bytes();
  }

  /**
   * Bytes of the tensors of the moment on top of {@link #kept}, at the worst moment of a step.
   *
   * @param whole whether layers with adapters are one node each
   */
  public long ofTheMoment(Rows rows, boolean whole) {
    return Math.max(atHead(rows), ofLayer(rows, whole) + ofResidual(rows));
  }

  /**
   * The same on top of {@link #inputs}: at the head, or all of one layer for a slice. On a CPU all that comes and
   * goes counts twice, and there is a third of the weights where they have moved: pieces of unequal length leave
   * holes in the heap, which nothing that stays fills, some in every process. The three are fitted to docs/memory.md.
   */
  public long ofTheMomentAgain(
      Collection<String> adapted, ToLongFunction<Linear> ofAdapter, Rows rows, boolean whole) {
    Rows slice = rows.slice(gpu);
    long layer = kept(adapted, ofAdapter, slice, whole) / Math.max(1, reached(adapted)) + ofLayer(slice, whole);
    long moved = whole ? linearNumbers() * dtype.bytes() / 3 : 0;
    long largest = Math.max(atHead(rows), layer + ofResidual(rows));
    return gpu ? largest : 2 * largest + inputs(adapted, rows) + moved + HOLES;
  }

  /** Logits, the last layer's output, and its gradient. */
  private long atHead(Rows rows) {
    return logits(rows.labels) + 2 * ofResidual(rows);
  }

  /** What a layer's own passes take for a moment. */
  private long ofLayer(Rows rows, boolean whole) {
    long d = config.hidden();
    long f = config.feedForward();
    long q = config.queryWidth();
    long kv = config.kvWidth();
    long forward = whole ? f + 3 * d : 4 * (q + kv) + f + 2 * d;
    // gate's and up's gradients take the place of gate and up in a layer that is one node
    long ofUnit = whole ? (gpu ? f + d : 4 * f) + 3 * d : 4 * f + d;
    long ofAttention = whole ? 4 * q + 2 * kv + 2 * d : 0; // FlashAttention adds up query's gradient in float32
    long widest = Math.max(forward, Math.max(ofUnit, ofAttention));
    return Math.max(rows.tokens * widest, 3 * scores(rows)) * dtype.bytes();
  }

  /**
   * Bytes of a chunk's logits: in the activations' type, and in float32 where no kernel takes them as they are;
   * with a soft cap three lots of that.
   */
  public long logits(long labels) {
    long chunk = Math.min(labels, HeadLoss.chunk(config.vocabulary(), gpu));
    long wide = config.logitCap() > 0 ? 3 * FLOAT : FLOAT;
    long each = gpu && CrossEntropy.suits(dtype, config.vocabulary()) ? dtype.bytes()
        : wide + (dtype == DType.F32 ? 0 : dtype.bytes());
    return chunk * config.vocabulary() * each;
  }
}
