package thanora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.imageio.ImageIO;
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
  /** The image token of all of them. */
  public static final int IMAGE = 95;

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

  /** Loads a folder in float32, reading images that are given. */
  public static Decoder load(Path folder, Weights expected) {
    Decoder model = Pico.load(folder, Placement.CPU_F32);
    model.vision().orElseThrow().use(reader(expected));
    return model;
  }

  /** Reads images that are given. */
  public static ImageReader reader(Weights expected) {
    return new ImageReader(new Given(expected), Optional.empty());
  }

  /** The tiny LLaVA with all its files: it reads any image file. */
  public static Path whole(Path copy) throws IOException {
    return whole("llava", copy);
  }

  /** One with a tokenizer, a chat template and an image processor: it reads any image file. */
  public static Path whole(String name, Path copy) throws IOException {
    Pico.withTokenizer(folder(name), copy);
    ObjectMapper json = new ObjectMapper();
    ObjectNode tokenizer = (ObjectNode) json.readTree(copy.resolve("tokenizer.json").toFile());
    ObjectNode vocabulary = (ObjectNode) tokenizer.at("/model/vocab");
    ArrayNode merges = (ArrayNode) tokenizer.at("/model/merges");
    int id = IMAGE - 2;
    for (String token : List.of("<global-img>", "<fake_token_around_image>", "<image>")) { // in place of the last ones
      JsonNode merge = merges.remove(merges.size() - 1);
      vocabulary.remove(merge.isArray() ? merge.get(0).asText() + merge.get(1).asText() : merge.asText().replace(" ", ""));
      ((ArrayNode) tokenizer.get("added_tokens")).addObject().put("id", id++).put("content", token)
          .put("single_word", false).put("lstrip", false).put("rstrip", false).put("normalized", false)
          .put("special", true);
    }
    json.writeValue(copy.resolve("tokenizer.json").toFile(), tokenizer);
    json.writeValue(copy.resolve("tokenizer_config.json").toFile(), Map.of("eos_token", "<|im_end|>", "chat_template",
        "{% for m in messages %}<|im_start|>{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}"
            + "{% endfor %}{% if add_generation_prompt %}<|im_start|>{% endif %}"));
    Files.writeString(copy.resolve("preprocessor_config.json"), name.startsWith("llava") ? """
        {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 18}, "resample": 3,
         "do_resize": true, "do_center_crop": true, "crop_size": {"height": 18, "width": 18}, "do_rescale": true,
         "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5],
         "image_std": [0.2, 0.2, 0.2], "do_convert_rgb": true}
        """ : """
        {"image_processor_type": "SmolVLMImageProcessor", "size": {"longest_edge": 48},
         "max_image_size": {"longest_edge": 24}, "rescale_factor": 0.0078431372549019607,
         "image_mean": [1.0, 1.0, 1.0], "image_std": [0.8, 1.0, 1.0]}
        """);
    return copy;
  }

  /** Bytes of a PNG of one colour with a corner of another. */
  public static byte[] png(int width, int height, int rgb) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, i % width < width / 3 && i / width < height / 2 ? ~rgb : rgb);
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ImageIO.write(image, "png", bytes);
    return bytes.toByteArray();
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
