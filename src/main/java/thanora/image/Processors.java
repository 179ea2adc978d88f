package thanora.image;

import java.nio.file.Path;
import java.util.Optional;

/** The image processor of a Hugging Face folder. */
final class Processors {
  private static final String FILE = "preprocessor_config.json";

  private Processors() {}

  /**
   * Reads processor_config.json where that holds the image processor, as transformers 5 writes it, or
   * preprocessor_config.json.
   *
   * @param processor the former, if the folder has it
   * @throws ImageException if neither is there, or it is of a class that is not known, or a field is wrong
   */
  static SquareTiles read(Path folder, Optional<ProcessorFields> processor) {
    Optional<ProcessorFields> nested = processor.filter(fields -> fields.has("image_processor"))
        .map(fields -> new ProcessorFields(fields.file() + ": image_processor", fields.node().get("image_processor")));
    ProcessorFields fields = nested.or(() -> ProcessorFields.read(folder.resolve(FILE)))
        .orElseThrow(() -> new ImageException(folder + " has no " + FILE
            + ", which says how images become pixels; get the model's folder again, with all its JSON files"));
    String type = fields.text("image_processor_type", fields.text("feature_extractor_type", ""));
    return switch (type.replaceFirst("FeatureExtractor$", "ImageProcessor").replaceFirst("(Fast|Pil)$", "")) {
      case "CLIPImageProcessor" -> WholeProcessor.clip(fields);
      case "LlavaImageProcessor" -> WholeProcessor.llava(fields);
      case "SiglipImageProcessor" -> WholeProcessor.siglip(fields);
      case "Idefics3ImageProcessor", "SmolVLMImageProcessor" -> TileProcessor.of(fields);
      default -> throw new ImageException(fields.file() + ": image_processor_type is \"" + type
          + "\"; supported are CLIPImageProcessor, LlavaImageProcessor, SiglipImageProcessor,"
          + " Idefics3ImageProcessor and SmolVLMImageProcessor");
    };
  }
}
