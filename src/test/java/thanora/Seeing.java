package thanora;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.Weights;
import thanora.data.Sample;
import thanora.image.ImageProcessor;
import thanora.image.ImageSource;
import thanora.image.Layout;
import thanora.image.Pixels;
import thanora.model.Decoder;
import thanora.model.FeatureFiles;
import thanora.model.ImageReader;
import thanora.tensor.Placement;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/** The tiny models of scripts/golden/make_vision.py: three sequences, with no, one and two images of given pixels. */
public final class Seeing {
  private Seeing() {}

  /** Names of all of them. */
  public static List<String> models() {
    return List.of("llava", "llava-sharded", "llava-legacy", "llava-siglip", "smolvlm", "idefics3");
  }

  /** The folder of one. */
  public static Path folder(String name) {
    return Golden.path("vision/" + name);
  }

  /** What transformers and PEFT compute. */
  public static SafetensorsFile expected(String name) {
    return SafetensorsFile.open(folder(name).resolve("expected.safetensors"));
  }

  /** Loads one in float32, reading the images of its sequences. */
  public static Decoder load(String name, Optional<FeatureFiles> files) {
    return load(name, Placement.CPU_F32, files);
  }

  /** Loads one. */
  public static Decoder load(String name, Placement placement, Optional<FeatureFiles> files) {
    Decoder model = Pico.load(folder(name), placement);
    try (SafetensorsFile expected = expected(name)) {
      model.vision().orElseThrow().use(new ImageReader(new Given(expected), files));
    }
    return model;
  }

  /** The three sequences: tasks 0, 1 and 2. */
  public static List<Sample> samples(Weights expected) {
    List<Sample> rows = new ArrayList<>();
    for (Sample row : Pico.samples(expected)) {
      List<ImageSource> images = new ArrayList<>();
      while (expected.names().contains(pixels(row.row(), images.size()))) {
        String name = pixels(row.row(), images.size());
        images.add(new ImageSource.ImageBytes(name, name.getBytes(StandardCharsets.UTF_8)));
      }
      rows.add(new Sample(row.task(), row.row(), row.ids(), row.trained(), images));
    }
    return rows;
  }

  private static String pixels(int row, int image) {
    return "pixels_" + row + "_" + image;
  }

  /** Pixels of the sequences, by the names of their images. */
  private static final class Given implements ImageProcessor {
    private final Map<String, Pixels> pixels = new HashMap<>();

    Given(Weights expected) {
      try (TensorScope scope = TensorScope.open()) {
        expected.names().stream().filter(name -> name.startsWith("pixels_")).forEach(name -> {
          Tensor values = expected.load(name, Placement.CPU_F32);
          int tiles = (int) values.size(0);
          Layout layout = tiles == 1 ? Layout.WHOLE : new Layout(1, tiles - 1);
          pixels.put(name, new Pixels(layout, (int) values.size(2), Tensors.floats(values)));
        });
      }
    }

    @Override
    public Layout layout(ImageSource image) {
      return pixels(image).layout();
    }

    @Override
    public Pixels pixels(ImageSource image) {
      return pixels.get(image.name());
    }

    @Override
    public String signature() {
      return "given";
    }
  }
}
