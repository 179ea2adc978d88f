package thanora.model;

import static thanora.tensor.Ops.linear;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Weights;
import thanora.image.ImageSource;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * A decoder-only transformer: embedding, layers, a last norm, the head. {@link Family} says in what the
 * families differ.
 *
 * <p>Weights are frozen. Adapters and recorders replace {@link Projection}s by name.
 *
 * <p>One thread at a time computes with a model, whose passes share state: a second thread gets an {@link IllegalStateException}.
 */
public final class Decoder {
  private final ModelConfig config;
  private final Placement placement;
  private final Tensor embedding; // (V, D)
  private final Optional<Tensor> embeddingScale; // (1), rounded to the weights' type as transformers does it
  private final Tensor head; // (V, D), the embedding itself where tied
  private final Optional<Vision> vision;
  private final Norm lastNorm;
  private final List<DecoderLayer> layers = new ArrayList<>();
  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private final Map<RopeConfig, Rope> ropes = new HashMap<>();
  private final Set<String> tensorNames;
  private final AtomicReference<Thread> owner = new AtomicReference<>();
  private LayerPass pass = LayerPass.PLAIN;
  private long version;

  private Decoder(ModelConfig config, Weights weights, Placement placement) {
    this.config = config;
    this.placement = placement;
    Reader reader = new Reader(weights, placement);
    this.embedding = reader.read(config.modules() + "embed_tokens.weight", config.vocabulary(), config.hidden());
    this.embeddingScale = config.embeddingScale() == 1 ? Optional.empty()
        : Optional.of(Tensors.to(Tensors.of(new float[] {(float) config.embeddingScale()}, 1), placement));
    this.vision = config.vision().map(part -> new Vision(part, config.hidden(), reader));
    vision.ifPresent(part -> part.slots().forEach(stage -> stage.forEach(this::take)));
    for (int i = 0; i < config.layers(); i++) {
      DecoderLayer layer = DecoderLayer.read(config, i, reader);
      layers.add(layer);
      layer.slots().forEach(this::take);
      config.byLayer().get(i).rope().ifPresent(rope -> ropes.computeIfAbsent(
          rope, frequencies -> new Rope(frequencies, config.maxPositions(), placement)));
    }
    this.lastNorm = reader.norm(config.modules() + "norm.weight", config.hidden(), config.norms());
    this.head = config.tied()
        ? embedding : reader.read("lm_head.weight", config.vocabulary(), config.hidden());
    this.tensorNames = reader.read();
  }

  private void take(List<Slot> together) {
    together.forEach(slot -> slots.put(slot.name(), slot));
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

  /**
   * Embedding of the batch's tokens (N, D), with what the vision part gives in the places of image tokens.
   *
   * @throws IllegalArgumentException if there are not as many image tokens as images have vectors
   */
  public Tensor embed(TokenBatch batch) {
    Tensor x = Ops.embedding(embedding, batch.ids);
    Tensor scaled = embeddingScale.isPresent() ? Ops.mul(x, embeddingScale.get()) : x;
    if (batch.features().isEmpty() && batch.images().isEmpty()) {
      return scaled;
    }
    Tensor features = batch.features().orElseGet(() -> vision.orElseThrow(() ->
        new IllegalArgumentException("a " + config.modelType() + " model takes no images")).features(batch));
    int[] places = batch.featurePlaces().orElseGet(() -> batch.places(config.imageToken()));
    if (places.length != features.size(0)) {
      throw new IllegalArgumentException(places.length + " image tokens stand for images of " + features.size(0)
          + " vectors; the processor's files do not fit config.json, take both from the same model");
    }
    return Steps.put(batch, scaled, Tensors.of(places, placement.device()), features);
  }

  /** The vision part, if it has one. */
  public Optional<Vision> vision() {
    return vision;
  }

  /** Stages of the vision part, then the layers: what a preview goes through one by one. */
  public int stages() {
    return visionStages() + config.layers();
  }

  /** Stages of the vision part. */
  public int visionStages() {
    return vision.map(Vision::stages).orElse(0);
  }

  /** The linear layers of a stage, those that read the same input together. */
  public List<List<String>> stageInputs(int stage) {
    return stage >= visionStages() ? sharedInputs(stage - visionStages()) : names(vision.get().slots().get(stage));
  }

  /** One decoder layer: (N, D) → (N, D). */
  public Tensor layer(int index, Tensor x, TokenBatch batch) {
    return TensorScope.keep(() -> layers.get(index).apply(
        x, batch, config.byLayer().get(index).rope().map(rope -> ropes.get(rope).at(batch))));
  }

  /**
   * Runs what computes with this model on this thread alone; within such a body again, too.
   *
   * @throws IllegalStateException if another thread is at it
   */
  public <T> T alone(Supplier<T> body) {
    Thread self = Thread.currentThread();
    Thread other = owner.compareAndExchange(null, self);
    if (other == self) {
      return body.get();
    }
    if (other != null) {
      throw new IllegalStateException("thread " + self.getName() + ": the model is in use by thread " + other.getName()
          + "; one thread at a time computes with a model, so take turns, or load it once for each thread");
    }
    try {
      return body.get();
    } finally {
      owner.set(null);
    }
  }

  /** Has passes that are not recorded take a way of their own through the layers. */
  public void use(LayerPass other) {
    pass = other;
  }

  /** The way through the layers of passes that are not recorded. */
  public LayerPass pass() {
    return pass;
  }

  /** What the head reads: the last layer's output after the last norm (N, D). */
  public Tensor hidden(TokenBatch batch) {
    return TensorScope.keep(() -> normed(last(batch)));
  }

  /** The last layer's output (N, D), before the last norm; recorded on the batch's tape if it has one. */
  public Tensor last(TokenBatch batch) {
    return last(batch, batch.tape().isPresent() ? LayerPass.PLAIN : pass, Optional.empty());
  }

  /**
   * The same with a way of its own through the layers that it serves.
   *
   * @param checkpointing of this batch, where layers are to keep their input only
   */
  public Tensor last(TokenBatch batch, LayerPass pass, Optional<Checkpointing> checkpointing) {
    return alone(() -> TensorScope.keep(() -> {
      Map<RopeConfig, Angles> angles = new HashMap<>();
      ropes.forEach((frequencies, rope) -> angles.put(frequencies, rope.at(batch)));
      Tensor x = embed(batch);
      for (int i = 0; i < layers.size(); i++) {
        int layer = i;
        Tensor input = x;
        Optional<Angles> own = config.byLayer().get(i).rope().map(angles::get);
        Checkpointing.Layer step = (in, rows, turns) -> pass.apply(layer, in, rows, turns)
            .orElseGet(() -> layers.get(layer).apply(in, rows, turns));
        x = TensorScope.keep(() -> checkpointing.isPresent()
            ? checkpointing.get().apply(input, batch, own, step) : step.apply(input, batch, own));
      }
      return x;
    }));
  }

  /** The last norm. */
  public Tensor normed(Tensor x) {
    return lastNorm.of(x);
  }

  /** Next-token logits (N, V) of hidden states (N, D). */
  public Tensor logits(Tensor hidden) {
    Tensor logits = linear(hidden, head);
    double cap = config.logitCap();
    return cap == 0 ? logits : Ops.scale(Ops.tanh(Ops.scale(logits, 1 / cap)), cap);
  }

  /** How much capped logits change with what was capped, if there is a cap. */
  Optional<Tensor> logitSlope(Tensor logits) {
    double cap = config.logitCap();
    return cap == 0 ? Optional.empty()
        : Optional.of(Ops.plus(Ops.scale(Ops.mul(logits, logits), -1 / (cap * cap)), 1));
  }

  /** The head's weight (V, D). */
  public Tensor head() {
    return head;
  }

  /** Names of the tensors it was read from. */
  public Set<String> tensorNames() {
    return tensorNames;
  }

  /** Names of all linear layers, in order of the forward pass. */
  public Set<String> projectionNames() {
    return Collections.unmodifiableSet(slots.keySet());
  }

  /** What a layer has beside its linear layers, where it is arranged as Llama's, without norms of heads or caps. */
  public Optional<LayerParts> parts(int layer) {
    return layers.get(layer).parts();
  }

  /** The linear layers of a decoder layer, those that read the same input together. */
  public List<List<String>> sharedInputs(int layer) {
    return names(layers.get(layer).slots());
  }

  private static List<List<String>> names(List<List<Slot>> slots) {
    return slots.stream().map(together -> together.stream().map(Slot::name).toList()).toList();
  }

  /**
   * The projection of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public Projection projection(String name) {
    return slot(name).get();
  }

  /** Puts another projection in the place of the one of that name. */
  public void replace(String name, UnaryOperator<Projection> replacement) {
    Slot slot = slot(name);
    slot.set(replacement.apply(slot.get()));
    version++;
  }

  /** Another number after every change of {@link #projection}s. */
  public long version() {
    return version;
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

  /** Room for the keys and values of rows being generated, of each member; the caller's scope owns it. */
  KvCache cache(int members, int rows, int capacity) {
    return new KvCache(config, members, rows, capacity, placement);
  }

  /**
   * A text that the model has read nothing of.
   *
   * @param task of its tokens
   */
  public Reading open(int task) {
    return open(task, List.of());
  }

  /**
   * The same of a text with images.
   *
   * @param images what its image tokens stand for, in their order
   */
  public Reading open(int task, List<ImageSource> images) {
    return new Reading(config, placement, task, images);
  }

  /**
   * Reads on in several texts at once, without a graph.
   *
   * @param texts grouped by task
   * @param tokens what comes next in each, one token or more
   * @return (texts, V): logits behind the last token of each; the caller's scope owns them
   */
  public Tensor read(List<Reading> texts, List<int[]> tokens) {
    return alone(() -> TensorScope.keep(() -> {
      try (NoGrad off = NoGrad.open()) {
        String device = placement.device();
        List<int[]> next = new ArrayList<>();
        int[] last = new int[texts.size()];
        int read = 0;
        List<Tensor> features = new ArrayList<>();
        List<Integer> places = new ArrayList<>();
        for (int row = 0; row < last.length; row++) {
          Reading text = texts.get(row);
          next.add(text.take(tokens.get(row)));
          int[] ids = next.get(row);
          int first = read;
          text.features(ids, own -> vision.orElseThrow().features(own)).ifPresent(seen -> {
            features.add(seen);
            IntStream.range(0, ids.length).filter(i -> ids[i] == config.imageToken()).limit(seen.size(0))
                .forEach(i -> places.add(first + i));
          });
          read += ids.length;
          last[row] = read - 1;
        }
        TokenBatch batch = TokenBatch.further(texts, next, device);
        Tensor hidden = hidden(features.isEmpty() ? batch : batch.with(
            Ops.cat(0, features.toArray(Tensor[]::new)), places.stream().mapToInt(i -> i).toArray()));
        return logits(Ops.select(hidden, 0, Tensors.of(last, device)));
      }
    }));
  }

  public ModelConfig config() {
    return config;
  }

  /** Device and element type of the weights. */
  public Placement placement() {
    return placement;
  }
}
