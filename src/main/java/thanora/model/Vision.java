package thanora.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Batch.RowImage;
import thanora.image.ImageSource;
import thanora.image.Pixels;
import thanora.tensor.NoGrad;
import thanora.tensor.Ops;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;
import thanora.tensor.Threads;

/**
 * The vision part of a {@link Decoder}: tower and connector, whose linear layers are {@link Projection}s of the
 * decoder like its own.
 *
 * <p>Where nothing in the tower is adapted, what it gives is a function of the image alone: computed image by
 * image, so that it is that to the last bit, and kept by the {@link ImageReader} from one epoch and run to the
 * next. The connector costs no backward pass then either, unless it is adapted itself.
 */
public final class Vision {
  private final VisionConfig config;
  private final Placement placement;
  private final Tensor patchWeight; // (C, 3 p²)
  private final Optional<Tensor> patchBias; // (C)
  private final Optional<Tensor> classToken; // (1, 1, C)
  private final Tensor positions; // (P, C)
  private final Optional<LayerNorm> normBefore;
  private final Optional<LayerNorm> normAfter;
  private final List<VisionLayer> layers = new ArrayList<>();
  private final List<Slot> connector = new ArrayList<>();
  private Optional<ImageReader> images = Optional.empty();

  Vision(VisionConfig config, int decoderWidth, Reader reader) {
    this.config = config;
    this.placement = reader.placement();
    String at = config.tower();
    int width = config.hidden();
    boolean clip = config.clip();
    this.patchWeight = reader.read(
        at + "embeddings.patch_embedding.weight", width, 3, config.patch(), config.patch()).view(width, -1);
    this.patchBias = reader.readIf(!clip, at + "embeddings.patch_embedding.bias", width);
    this.classToken = reader.readIf(clip, at + "embeddings.class_embedding", width).map(token -> token.view(1, 1, -1));
    this.positions = reader.read(at + "embeddings.position_embedding.weight", config.towerTokens(), width);
    this.normBefore = clip
        ? Optional.of(LayerNorm.read(reader, at + "pre_layrnorm", config)) : Optional.empty(); // transformers' spelling
    for (int i = 0; i < config.layers(); i++) {
      layers.add(new VisionLayer(config, i, reader));
    }
    this.normAfter = config.normAfter()
        ? Optional.of(LayerNorm.read(reader, at + "post_layernorm", config)) : Optional.empty();
    VisionConfig.Connector link = config.connector();
    int in = width * link.shuffle() * link.shuffle();
    for (int i = 0; i < link.names().size(); i++) {
      int out = i == link.names().size() - 1 ? decoderWidth : link.inner();
      connector.add(Slot.read(reader, link.names().get(i), out, in, link.bias()));
      in = out;
    }
  }

  /** Its shape. */
  public VisionConfig config() {
    return config;
  }

  /** Has it read images that way. */
  public void use(ImageReader reader) {
    images = Optional.of(reader);
  }

  /** How it reads images, if it was told. */
  public Optional<ImageReader> images() {
    return images;
  }

  /** Its linear layers in order of the forward pass, those that read the same input together, stage by stage. */
  List<List<List<Slot>>> slots() {
    return Stream.concat(layers.stream().map(VisionLayer::slots),
        Stream.of(connector.stream().map(List::of).toList())).toList();
  }

  /** Layers of the tower, and the connector as one more. */
  public int stages() {
    return layers.size() + 1;
  }

  /**
   * Tiles on their way through the tower and the connector.
   *
   * @param x (N, C) of its tokens, tile by tile
   * @param tiles their batch: a row is a tile, its task that of the text it is in
   */
  public record Way(Tensor x, TokenBatch tiles) {}

  /** The patches of a batch's images, before the first stage (N, C). */
  public Tensor patches(TokenBatch batch) {
    return TensorScope.keep(() -> embed(Ops.cat(0, batch.images().stream()
        .map(image -> tensor(reader().read(image.image()))).toArray(Tensor[]::new))));
  }

  /** The batch of the tiles of a batch's images, recorded on its tape if it has one. */
  public TokenBatch tiles(TokenBatch batch) {
    return tiles(batch, config.towerTokens());
  }

  /** The next stage; the last one gives what the decoder reads in the places of image tokens. */
  public Way stage(int index, Way way) {
    if (index < layers.size()) {
      return new Way(TensorScope.keep(() -> layers.get(index).apply(way.x, way.tiles)), way.tiles);
    }
    TokenBatch seen = way.tiles.ofLength(config.tileTokens());
    Tensor selected = Steps.byAutograd(way.tiles, way.x, this::select);
    return new Way(connect(selected, seen), seen);
  }

  /**
   * What the decoder reads in the places of the batch's image tokens (F, D), recorded on its tape as far as
   * something is adapted.
   */
  Tensor features(TokenBatch batch) {
    return TensorScope.keep(() -> {
      if (layers.stream().flatMap(layer -> layer.slots().stream()).flatMap(List::stream)
          .allMatch(slot -> slot.get().isBare())) {
        return connector.stream().allMatch(slot -> slot.get().isBare()) ? frozen(batch.images())
            : connect(selected(batch.images()), tiles(batch, config.tileTokens()));
      }
      Way way = new Way(patches(batch), tiles(batch));
      for (int stage = 0; stage < stages(); stage++) {
        way = stage(stage, way);
      }
      return way.x;
    });
  }

  /**
   * Reads images once; keeps what the tower gives of them if it is frozen and that is to be kept.
   *
   * @param done receives the number of images read so far
   * @throws thanora.image.ImageException naming the first that is missing or broken
   */
  public void readOnce(List<ImageSource> all, boolean frozen, IntConsumer done) {
    for (int from = 0; from < all.size(); from += ImageReader.AHEAD) {
      List<ImageSource> part = all.subList(from, Math.min(all.size(), from + ImageReader.AHEAD)).stream()
          .filter(image -> !frozen || !reader().keeps(image)).toList();
      reader().ahead(part);
      if (frozen && placement.isCpu()) {
        Threads.sideBySide(part.stream().map(image -> (Callable<ImageSource>) () -> seen(image)).toList());
      } else {
        part.forEach(image -> {
          if (frozen) {
            seen(image);
          } else {
            reader().read(image);
          }
        });
      }
      done.accept(Math.min(all.size(), from + ImageReader.AHEAD));
    }
  }

  private ImageSource seen(ImageSource image) {
    try (TensorScope scope = TensorScope.open()) {
      computed(image, reader().read(image));
    }
    return image;
  }

  private ImageReader reader() {
    return images.orElseThrow(() -> new IllegalStateException("the model was not told how to read images"));
  }

  /** A row for each tile, in the order of the images. */
  private TokenBatch tiles(TokenBatch batch, int length) {
    int[] tasks = batch.images().stream().flatMapToInt(image -> IntStream.generate(() -> batch.rowTask(image.row()))
        .limit(reader().tiles(image.image()))).toArray();
    TokenBatch tiles = TokenBatch.tiles(tasks, length, batch.members(), placement.device());
    batch.tape().ifPresent(tiles::on);
    return tiles;
  }

  /** Each image once, whoever sees it: nobody's adapter is on the way. */
  private Tensor frozen(List<RowImage> of) {
    List<ImageSource> distinct = of.stream().map(RowImage::image).distinct().toList();
    long[] counts = distinct.stream().mapToLong(image -> (long) reader().tiles(image) * config.tileTokens()).toArray();
    TokenBatch seen = TokenBatch.tiles(
        new int[(int) Arrays.stream(counts).sum() / config.tileTokens()], config.tileTokens(), 1, placement.device());
    List<Tensor> parts = Ops.split(
        connect(Ops.cat(0, distinct.stream().map(this::ofTower).toArray(Tensor[]::new)), seen), counts);
    Map<ImageSource, Tensor> known = new HashMap<>();
    for (int i = 0; i < counts.length; i++) {
      known.put(distinct.get(i), parts.get(i));
    }
    return Ops.cat(0, of.stream().map(image -> known.get(image.image())).toArray(Tensor[]::new));
  }

  private Tensor selected(List<RowImage> of) {
    Map<ImageSource, Tensor> known = new HashMap<>();
    return Ops.cat(0, of.stream().map(image -> known.computeIfAbsent(image.image(), this::ofTower))
        .toArray(Tensor[]::new));
  }

  /** What the tower gives of an image (tiles · P, C), as it was kept or computed by itself. */
  private Tensor ofTower(ImageSource image) {
    ImageReader.Loaded loaded = reader().take(image);
    return loaded.tensor(config.selectedTokens(), config.hidden(), placement)
        .orElseGet(() -> {
          Supplier<Tensor> compute = () -> computed(image, loaded.pixels().orElseGet(() -> reader().read(image)));
          return placement.isCpu() ? Threads.onOne(compute) : compute.get();
        });
  }

  /** On a CPU with one thread, so that it is the same whether images are computed side by side or not. */
  private Tensor computed(ImageSource image, Pixels read) {
    return TensorScope.keep(() -> {
      try (NoGrad off = NoGrad.open()) {
        Tensor pixels = tensor(read);
        TokenBatch tiles = TokenBatch.tiles(
            new int[(int) pixels.size(0)], config.towerTokens(), 1, placement.device());
        Tensor x = embed(pixels);
        for (VisionLayer layer : layers) {
          Tensor input = x;
          x = TensorScope.keep(() -> layer.apply(input, tiles));
        }
        Tensor given = select(x).contiguous();
        reader().keep(image, given);
        return given;
      }
    });
  }

  /** (tiles, 3, S, S). */
  private Tensor tensor(Pixels pixels) {
    if (pixels.size() != config.imageSize()) {
      throw new IllegalArgumentException("preprocessor_config.json makes tiles of " + pixels.size()
          + " pixels, the vision tower reads " + config.imageSize() + "; take both from the same model");
    }
    long size = pixels.size();
    return Tensors.to(Tensors.of(pixels.values(), pixels.layout().tiles(), 3, size, size), placement);
  }

  /** Patches with their places: (tiles, 3, S, S) → (tiles · P, C). */
  private Tensor embed(Tensor pixels) {
    return TensorScope.keep(() -> {
      long tiles = pixels.size(0);
      long side = config.side();
      long p = config.patch();
      Tensor patches = pixels.view(tiles, 3, side, p, side, p).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * p * p);
      Tensor x = (patchBias.isPresent() ? Ops.linear(patches, patchWeight, patchBias.get())
          : Ops.linear(patches, patchWeight)).view(tiles, side * side, -1);
      if (classToken.isPresent()) {
        x = Ops.cat(1, classToken.get().expand(tiles, 1, config.hidden()), x);
      }
      Tensor placed = Ops.add(x, positions).view(-1, config.hidden());
      return normBefore.isPresent() ? normBefore.get().of(placed) : placed;
    });
  }

  /** What the connector reads: without the class token, or normed. (tiles · P, C) → (tiles · P', C). */
  private Tensor select(Tensor x) {
    Tensor normed = normAfter.isPresent() ? normAfter.get().of(x) : x;
    if (config.towerTokens() == config.selectedTokens()) {
      return normed;
    }
    Tensor tiles = normed.view(-1, config.towerTokens(), config.hidden());
    return Ops.narrow(tiles, 1, 1, config.selectedTokens()).reshape(-1, config.hidden());
  }

  /** (tiles · P', C) → (F, D). */
  private Tensor connect(Tensor selected, TokenBatch seen) {
    Tensor x = Steps.byAutograd(seen, selected, this::shuffled);
    for (int i = 0; i < connector.size(); i++) {
      x = i == 0 ? x : Steps.byAutograd(seen, x, config.connector().activation()::of);
      x = connector.get(i).apply(x, seen);
    }
    return x;
  }

  /** Squares of patches side by side in one vector, row by row. */
  private Tensor shuffled(Tensor x) {
    long square = config.connector().shuffle();
    if (square == 1) {
      return x;
    }
    long side = config.side() / square;
    return x.view(-1, side, square, side, square, config.hidden())
        .permute(0, 1, 3, 2, 4, 5).reshape(-1, square * square * config.hidden());
  }
}
