package thanora.model;

import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.bytedeco.pytorch.Tensor;
import thanora.image.ImageProcessor;
import thanora.image.ImageSource;
import thanora.image.Pixels;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * Reads a model's images, ahead of time on threads of its own where it is told what comes: pixel values, or what
 * the tower gave of them where that is kept.
 */
public final class ImageReader implements AutoCloseable {
  /** Images that are read ahead at once. */
  public static final int AHEAD = 64;

  private final ImageProcessor processor;
  private final Optional<FeatureFiles> files;
  private final ExecutorService threads;
  private final Map<ImageSource, CompletableFuture<Loaded>> ahead = new ConcurrentHashMap<>();
  private final Map<ImageSource, Integer> tiles = new ConcurrentHashMap<>();

  /** Pixel values, or what was kept instead. */
  record Loaded(Optional<Pixels> pixels, Optional<byte[]> kept) {
    /** What the tower gave (tiles · tokens, width), if that was kept. */
    Optional<Tensor> tensor(int tokens, int width, Placement placement) {
      int row = width * placement.dtype().bytes();
      return kept.filter(bytes -> bytes.length % (row * tokens) == 0).map(bytes -> {
        Tensor host = Tensors.empty(new Placement("cpu", placement.dtype()), bytes.length / row, width);
        Tensors.bytes(host, 0, bytes.length).put(bytes);
        return Tensors.to(host, placement);
      });
    }
  }

  /**
   * A reader.
   *
   * @param files where what the tower gives is kept, if it is
   */
  public ImageReader(ImageProcessor processor, Optional<FeatureFiles> files) {
    this.processor = processor;
    this.files = files;
    int cores = Math.max(1, Runtime.getRuntime().availableProcessors() - 1);
    this.threads = Executors.newFixedThreadPool(cores, body -> {
      Thread thread = new Thread(body, "images");
      thread.setDaemon(true);
      return thread;
    });
  }

  /** Whether what the tower gives of an image is kept already. */
  boolean keeps(ImageSource image) {
    return files.isPresent() && files.get().has(image);
  }

  /** Bytes that are free where what the tower gives is kept, if it is. */
  public OptionalLong room() {
    return files.map(FeatureFiles::room).orElse(OptionalLong.empty());
  }

  /** Begins to read images that will be asked for soon. */
  public void ahead(Collection<ImageSource> images) {
    for (ImageSource image : images) {
      ahead.computeIfAbsent(image, next -> CompletableFuture.supplyAsync(() -> load(next), threads));
    }
  }

  private Loaded load(ImageSource image) {
    Optional<byte[]> kept = files.flatMap(found -> found.read(image));
    return kept.isPresent() ? new Loaded(Optional.empty(), kept)
        : new Loaded(Optional.of(processor.pixels(image)), Optional.empty());
  }

  /**
   * The image, or what was kept of it.
   *
   * @throws thanora.image.ImageException naming the image, if it is missing or broken
   */
  Loaded take(ImageSource image) {
    CompletableFuture<Loaded> loading = ahead.remove(image);
    if (loading == null) {
      return load(image);
    }
    try {
      return loading.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  /**
   * The image as the tower reads it.
   *
   * @throws thanora.image.ImageException naming the image, if it is missing or broken
   */
  public Pixels read(ImageSource image) {
    return take(image).pixels().orElseGet(() -> processor.pixels(image));
  }

  /** Tiles of an image. */
  public int tiles(ImageSource image) {
    return tiles.computeIfAbsent(image, asked -> processor.layout(asked).tiles());
  }

  /** Keeps what the tower gave of an image, for this run and others. */
  void keep(ImageSource image, Tensor given) {
    files.ifPresent(found -> {
      Tensor host = Tensors.to(given, new Placement("cpu", Tensors.placement(given).dtype())).contiguous();
      ByteBuffer window = Tensors.bytes(host, 0, Math.toIntExact(host.numel() * Tensors.placement(host).dtype().bytes()));
      byte[] bytes = new byte[window.remaining()];
      window.get(bytes);
      found.write(image, bytes);
    });
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
