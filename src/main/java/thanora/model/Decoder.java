package thanora.model;

import static thanora.tensor.Ops.linear;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Weights;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * A decoder-only transformer of the Llama family: embedding, layers of attention and SwiGLU with
 * root-mean-square norms before each, a last norm, the head.
 *
 * <p>Weights are frozen. Adapters and recorders replace {@link Projection}s by name.
 */
public final class Decoder {
  private final ModelConfig config;
  private final Placement placement;
  private final Tensor embedding; // (V, D)
  private final Tensor head; // (V, D), the embedding itself where tied
  private final Tensor lastNorm; // (D)
  private final List<Layer> layers = new ArrayList<>();
  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private Rope rope;

  private final Set<String> tensorNames;

  /** Where a projection sits: read and replaced by name. */
  private record Slot(Supplier<Projection> get, Consumer<Projection> set) {}

  private static final class Layer {
    Attention attention;
    Tensor attentionNorm; // (D)
    Tensor feedForwardNorm; // (D)
    Projection gate;
    Projection up;
    Projection down;
  }

  private Decoder(ModelConfig config, Weights weights, Placement placement) {
    this.config = config;
    this.placement = placement;
    Reader reader = new Reader(weights, placement);
    this.embedding = reader.read("model.embed_tokens.weight", config.vocabulary(), config.hidden());
    for (int i = 0; i < config.layers(); i++) {
      layers.add(readLayer(i, reader));
    }
    this.lastNorm = reader.read("model.norm.weight", config.hidden());
    this.head = config.tied()
        ? embedding : reader.read("lm_head.weight", config.vocabulary(), config.hidden());
    this.tensorNames = reader.read();
    this.rope = Rope.of(config.rope(), Math.min(config.maxPositions(), 2048), placement);
  }

  /**
   * Reads the weights.
   *
   * @throws thanora.checkpoint.CheckpointException if a tensor is missing or has another shape than
   *     the configuration says
   */
  public static Decoder load(ModelConfig config, Weights weights, Placement placement) {
    return TensorScope.outside(() -> new Decoder(config, weights, placement));
  }

  private Layer readLayer(int index, Reader reader) {
    String at = "model.layers." + index + ".";
    int d = config.hidden();
    Layer layer = new Layer();
    layer.attentionNorm = reader.read(at + "input_layernorm.weight", d);
    layer.feedForwardNorm = reader.read(at + "post_attention_layernorm.weight", d);
    Optional<Tensor> qNorm = reader.readIf(config.headNorm(), at + "self_attn.q_norm.weight", config.headDim());
    Optional<Tensor> kNorm = reader.readIf(config.headNorm(), at + "self_attn.k_norm.weight", config.headDim());
    Attention attention = new Attention(config, index, qNorm, kNorm);
    layer.attention = attention;
    boolean bias = config.attentionBias();
    attention.q = dense(reader, at + "self_attn.q_proj", config.queryWidth(), d, bias);
    attention.k = dense(reader, at + "self_attn.k_proj", config.kvWidth(), d, bias);
    attention.v = dense(reader, at + "self_attn.v_proj", config.kvWidth(), d, bias);
    attention.o = dense(reader, at + "self_attn.o_proj", d, config.queryWidth(), config.outputBias());
    boolean innerBias = config.feedForwardBias();
    layer.gate = dense(reader, at + "mlp.gate_proj", config.feedForward(), d, innerBias);
    layer.up = dense(reader, at + "mlp.up_proj", config.feedForward(), d, innerBias);
    layer.down = dense(reader, at + "mlp.down_proj", d, config.feedForward(), innerBias);
    slots.put(at + "self_attn.q_proj", new Slot(() -> attention.q, p -> attention.q = p));
    slots.put(at + "self_attn.k_proj", new Slot(() -> attention.k, p -> attention.k = p));
    slots.put(at + "self_attn.v_proj", new Slot(() -> attention.v, p -> attention.v = p));
    slots.put(at + "self_attn.o_proj", new Slot(() -> attention.o, p -> attention.o = p));
    slots.put(at + "mlp.gate_proj", new Slot(() -> layer.gate, p -> layer.gate = p));
    slots.put(at + "mlp.up_proj", new Slot(() -> layer.up, p -> layer.up = p));
    slots.put(at + "mlp.down_proj", new Slot(() -> layer.down, p -> layer.down = p));
    return layer;
  }

  private static Projection dense(Reader reader, String name, int out, int in, boolean bias) {
    return new Dense(reader.read(name + ".weight", out, in), reader.readIf(bias, name + ".bias", out));
  }

  /** Embedding of the batch's tokens: (N, D). */
  public Tensor embed(TokenBatch batch) {
    return Ops.embedding(embedding, batch.ids);
  }

  /** One decoder layer: (N, D) → (N, D). */
  public Tensor layer(int index, Tensor x, TokenBatch batch) {
    return layer(index, x, batch, angles(batch));
  }

  private Tensor layer(int index, Tensor x, TokenBatch batch, Rope.Angles angles) {
    Layer layer = layers.get(index);
    double eps = config.rmsEps();
    return TensorScope.keep(() -> {
      Tensor attended = Steps.add(batch, x,
          layer.attention.apply(Steps.norm(batch, x, layer.attentionNorm, eps), batch, angles));
      Tensor normed = Steps.norm(batch, attended, layer.feedForwardNorm, eps);
      Tensor inner = Steps.gated(batch, layer.gate.apply(normed, batch), layer.up.apply(normed, batch));
      return Steps.add(batch, attended, layer.down.apply(inner, batch));
    });
  }

  /** What the head reads: the last layer's output after the last norm (N, D). */
  public Tensor hidden(TokenBatch batch) {
    Rope.Angles angles = angles(batch);
    Tensor x = embed(batch);
    for (int i = 0; i < layers.size(); i++) {
      x = layer(i, x, batch, angles);
    }
    return Steps.norm(batch, x, lastNorm, config.rmsEps());
  }

  /** The last norm. */
  public Tensor normed(Tensor x) {
    return Ops.rmsNorm(x, lastNorm, config.rmsEps());
  }

  /** Next-token logits (N, V) of hidden states (N, D). */
  public Tensor logits(Tensor hidden) {
    return linear(hidden, head);
  }

  /** The head's weight (V, D). */
  public Tensor head() {
    return head;
  }

  private Rope.Angles angles(TokenBatch batch) {
    if (batch.lastPosition() >= rope.length()) {
      rope = Rope.of(config.rope(), Math.max(2 * rope.length(), batch.lastPosition() + 1), placement);
    }
    return rope.at(batch.positions);
  }

  /** Names of the tensors it was read from. */
  public Set<String> tensorNames() {
    return tensorNames;
  }

  /** Names of all linear layers, in order of the forward pass. */
  public Set<String> projectionNames() {
    return Collections.unmodifiableSet(slots.keySet());
  }

  /** The linear layers of a decoder layer, those that read the same input together. */
  public List<List<String>> sharedInputs(int layer) {
    String at = "model.layers." + layer + ".";
    return List.of(
        List.of(at + "self_attn.q_proj", at + "self_attn.k_proj", at + "self_attn.v_proj"),
        List.of(at + "self_attn.o_proj"),
        List.of(at + "mlp.gate_proj", at + "mlp.up_proj"),
        List.of(at + "mlp.down_proj"));
  }

  /**
   * The projection of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public Projection projection(String name) {
    return slot(name).get().get();
  }

  /** Puts another projection in the place of the one of that name. */
  public void replace(String name, UnaryOperator<Projection> replacement) {
    Slot slot = slot(name);
    slot.set().accept(replacement.apply(slot.get().get()));
  }

  /**
   * Gives a linear layer another weight (out, in), keeping its bias; returns the one it had.
   *
   * @throws IllegalStateException if an adapter or a recorder is in its place
   */
  public Tensor setWeight(String name, Tensor weight) {
    if (!(projection(name) instanceof Dense dense)) {
      throw new IllegalStateException(name + " is wrapped; detach the adapter first");
    }
    replace(name, ignored -> new Dense(weight, dense.bias()));
    return dense.weight();
  }

  /**
   * Runs {@code body} with other weights (out, in) in some linear layers, and puts the old ones back.
   *
   * @throws IllegalStateException if an adapter or a recorder is in the place of one
   */
  public <T> T with(Map<String, Tensor> weights, Supplier<T> body) {
    Map<String, Tensor> old = new LinkedHashMap<>();
    try {
      weights.forEach((name, weight) -> old.put(name, setWeight(name, weight)));
      return body.get();
    } finally {
      old.forEach(this::setWeight);
    }
  }

  private Slot slot(String name) {
    Slot slot = slots.get(name);
    if (slot == null) {
      throw new IllegalArgumentException("the model has no linear layer " + name);
    }
    return slot;
  }

  /** Room for the keys and values of rows being generated; the caller's scope owns it. */
  public KvCache cache(int rows, int capacity) {
    return new KvCache(config, rows, capacity, placement);
  }

  /**
   * A text that the model has read nothing of.
   *
   * @param task of its tokens
   */
  public Reading open(int task) {
    return new Reading(config, placement, task);
  }

  /**
   * Reads on in several texts at once, without a graph.
   *
   * @param texts grouped by task
   * @param tokens what comes next in each, one token or more
   * @return (texts, V): logits behind the last token of each; the caller's scope owns them
   */
  public Tensor read(List<Reading> texts, List<int[]> tokens) {
    return TensorScope.keep(() -> {
      try (NoGrad off = NoGrad.open()) {
        String device = placement.device();
        Tensor hidden = hidden(TokenBatch.further(texts, tokens, config.slidingWindow(), device));
        int[] last = new int[texts.size()];
        int read = 0;
        for (int row = 0; row < last.length; row++) {
          read += tokens.get(row).length;
          last[row] = read - 1;
        }
        return logits(Ops.select(hidden, 0, Tensors.of(last, device)));
      }
    });
  }

  public ModelConfig config() {
    return config;
  }

  /** Device and element type of the weights. */
  public Placement placement() {
    return placement;
  }
}
