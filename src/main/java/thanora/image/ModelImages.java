package thanora.image;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Optional;
import thanora.text.Tokenizer;

/**
 * How images become what a model reads.
 *
 * @param processor makes pixel values
 * @param tokens stand for an image in the text
 */
public record ModelImages(SquareTiles processor, ImageTokens tokens) {
  /**
   * What the folder of a model says of images: preprocessor_config.json, processor_config.json.
   *
   * @param folder of the model
   * @param config its config.json
   * @param tokenizer its tokenizer
   * @return empty if the model reads no images: it is none of LLaVA, Idefics3 and SmolVLM
   * @throws ImageException if a file is missing, of a kind that is not supported, or does not fit the others
   */
  public static Optional<ModelImages> read(Path folder, JsonNode config, Tokenizer tokenizer) {
    String type = config.path("model_type").asText();
    boolean llava = type.equals("llava");
    if (!llava && !type.equals("idefics3") && !type.equals("smolvlm") || !config.hasNonNull("vision_config")) {
      return Optional.empty();
    }
    Optional<ProcessorFields> processor = ProcessorFields.read(folder.resolve("processor_config.json"));
    SquareTiles tiles = Processors.read(folder, processor);
    ModelTokens tokens = new ModelTokens(
        new ProcessorFields(folder.resolve("config.json").toString(), config), processor, tokenizer);
    return Optional.of(new ModelImages(tiles, llava ? tokens.llava(tiles.tile()) : tokens.idefics3(tiles.tile())));
  }
}
