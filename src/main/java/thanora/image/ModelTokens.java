package thanora.image;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import thanora.text.Tokenizer;

/**
 * The tokens of a model's images, as its processor in transformers writes them into the text.
 *
 * @param config config.json
 * @param processor processor_config.json, if the folder has it
 * @param tokenizer of the model
 */
record ModelTokens(ProcessorFields config, Optional<ProcessorFields> processor, Tokenizer tokenizer) {
  private static final String IMAGE = "<image>";
  private static final String AROUND = "<fake_token_around_image>";
  private static final String WHOLE = "<global-img>";

  /** LlavaProcessor: the image token, once for each vector of the tower that is kept. */
  ImageTokens llava(int tile) {
    ProcessorFields tower = tower();
    int patches = patches(tower, tile);
    boolean hasClass = tower.text("model_type", "clip_vision_model").equals("clip_vision_model");
    int count = llavaCount(patches, hasClass ? 1 : 0, config.text("vision_feature_select_strategy", "default"));
    processor.filter(fields -> fields.has("patch_size")).ifPresent(fields -> {
      int edge = tile / Math.max(1, fields.number("patch_size", 0));
      int written = llavaCount(edge * edge, fields.number("num_additional_image_tokens", 0),
          fields.text("vision_feature_select_strategy", "full"));
      requireEqual(fields, "patch_size, num_additional_image_tokens and vision_feature_select_strategy make " + written
          + " tokens of an image", written, count);
    });
    int id = imageToken(config.has("image_token_index") ? "image_token_index" : "image_token_id", 32000);
    int[] ids = new int[count];
    Arrays.fill(ids, id);
    return new ImageTokens(id, IMAGE, layout -> ids);
  }

  private static int llavaCount(int patches, int others, String strategy) {
    return patches + others - (strategy.equals("default") ? 1 : 0);
  }

  /** Idefics3Processor and SmolVLMProcessor: each tile with its row and column, the whole image last. */
  ImageTokens idefics3(int tile) {
    int scale = Math.max(1, config.number("scale_factor", 2));
    int count = patches(tower(), tile) / (scale * scale);
    processor.filter(fields -> fields.has("image_seq_len")).ifPresent(fields -> {
      int written = fields.number("image_seq_len", 0);
      requireEqual(fields, "image_seq_len is " + written, written, count);
    });
    int id = imageToken("image_token_id", 128257);
    if (tokenizer.encode(AROUND).length != 1) {
      throw new ImageException(config.file() + ": the tokenizer has no token " + AROUND
          + ", which stands around images; get the model's tokenizer.json again");
    }
    Map<Layout, int[]> known = new ConcurrentHashMap<>();
    return new ImageTokens(id, IMAGE,
        layout -> known.computeIfAbsent(layout, cut -> repeated(tokenizer.encode(text(cut)), id, count)));
  }

  private static String text(Layout layout) {
    StringBuilder text = new StringBuilder();
    for (int row = 1; row <= layout.rows(); row++) {
      for (int column = 1; column <= layout.columns(); column++) {
        text.append(AROUND).append("<row_").append(row).append("_col_").append(column).append('>').append(IMAGE);
      }
      text.append('\n');
    }
    text.append(layout.rows() == 0 ? "" : "\n");
    return text.append(AROUND).append(WHOLE).append(IMAGE).append(AROUND).toString();
  }

  private static int[] repeated(int[] ids, int id, int count) {
    return Arrays.stream(ids)
        .flatMap(token -> token == id ? Arrays.stream(new int[count]).map(i -> id) : Arrays.stream(new int[] {token}))
        .toArray();
  }

  private ProcessorFields tower() {
    return new ProcessorFields(config.file() + ": vision_config", config.node().get("vision_config"));
  }

  private static int patches(ProcessorFields tower, int tile) {
    int size = tower.number("image_size", 224);
    if (size != tile) {
      throw new ImageException(tower.file() + ": image_size is " + size + ", but the image processor makes tiles of "
          + tile + "; the files are of two models");
    }
    int patch = tower.number("patch_size", 32);
    tower.require("patch_size", patch > 0, "more than 0");
    return size / patch * (size / patch);
  }

  private static void requireEqual(ProcessorFields fields, String said, int written, int count) {
    if (written != count) {
      throw new ImageException(fields.file() + ": " + said + ", but the tower makes " + count
          + " vectors of one; correct it, or get the model's folder again");
    }
  }

  /** In rows the token is called {@link #IMAGE}, and in the tokenizer too. */
  private int imageToken(String key, int otherwise) {
    int id = config.number(key, otherwise);
    int[] ids = tokenizer.encode(IMAGE);
    if (ids.length != 1 || ids[0] != id) {
      throw new ImageException(config.file() + ": " + key + " is " + id + ", but the tokenizer makes "
          + Arrays.toString(ids) + " of " + IMAGE + "; it must be that one token");
    }
    return id;
  }
}
