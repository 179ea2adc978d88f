package thanora.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import thanora.image.ImageProcessor;
import thanora.image.ImageSource;
import thanora.image.Layout;
import thanora.image.Pixels;
import thanora.model.FeatureFiles;
import thanora.model.ImageReader;
import thanora.model.Vision;
import thanora.tensor.Seeds;

/**
 * Images of random pixels for rows of random tokens.
 *
 * @param distinct different images in all
 * @param perRow images at the beginning of every row
 */
record BenchImages(Vision vision, int imageToken, int distinct, int perRow) {
  /** Has the model read such images, and keep what the tower gives of them in a folder. */
  void use(Path cache) {
    int size = vision.config().imageSize();
    vision.use(new ImageReader(new RandomPixels(size), Optional.of(new FeatureFiles(cache, "bench"))));
    vision.readOnce(IntStream.range(0, distinct).mapToObj(BenchImages::image).toList(), true, done -> {});
  }

  private static ImageSource image(int number) {
    return new ImageSource.ImageBytes("image " + number, Integer.toString(number).getBytes(StandardCharsets.UTF_8));
  }

  /** The images of a row. */
  List<ImageSource> of(int row) {
    return IntStream.range(0, perRow).mapToObj(i -> image((row * perRow + i) % distinct)).toList();
  }

  /** Tokens with those of the images in front; others that are image tokens become another. */
  int[] place(int[] tokens) {
    int[] placed = Arrays.stream(tokens).map(token -> token == imageToken ? token - 1 : token).toArray();
    Arrays.fill(placed, 0, perRow * vision.config().tileTokens(), imageToken);
    return placed;
  }

  private record RandomPixels(int size) implements ImageProcessor {
    @Override
    public Layout layout(ImageSource image) {
      return Layout.WHOLE;
    }

    @Override
    public Pixels pixels(ImageSource image) {
      Random random = Seeds.stream(0, image.name());
      float[] values = new float[3 * size * size];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      return new Pixels(Layout.WHOLE, size, values);
    }

    @Override
    public String signature() {
      return "random";
    }
  }
}
