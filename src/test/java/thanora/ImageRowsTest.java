package thanora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.checkpoint.Checkpoint;
import thanora.data.DataException;
import thanora.data.LongRows;
import thanora.data.Sample;
import thanora.data.Split;
import thanora.image.ModelImages;
import thanora.model.ModelConfig;
import thanora.text.PromptFormat;
import thanora.text.Special;
import thanora.text.Tokenizer;

/** Rows with images, from files to samples and to what a preview says of them. */
class ImageRowsTest {
  private static final int IMAGE = 3072;
  private static final int TOKENS = 4; // an image of 8 x 8 in patches of 4 x 4

  @TempDir Path folder;
  private ModelText model;

  @BeforeEach
  void makeModel() throws IOException {
    Path demo = Path.of("demo/model");
    String json = Files.readString(demo.resolve("tokenizer.json")).replaceFirst("\"added_tokens\":\\s*\\[",
        "\"added_tokens\":[{\"id\":" + IMAGE + ",\"content\":\"<image>\",\"single_word\":false,\"lstrip\":false,"
            + "\"rstrip\":false,\"normalized\":false,\"special\":true},");
    String template = new ObjectMapper().readTree(demo.resolve("tokenizer_config.json").toFile())
        .get("chat_template").textValue();
    Tokenizer tokenizer = Tokenizer.of(json, new Special(OptionalInt.of(0), OptionalInt.of(0), OptionalInt.of(0),
        OptionalInt.empty(), Set.of()), Optional.of(template));
    Files.writeString(folder.resolve("config.json"), """
        {"model_type": "llava", "image_token_index": %d, "vision_feature_select_strategy": "default",
         "vision_config": {"model_type": "clip_vision_model", "image_size": 8, "patch_size": 4}}
        """.formatted(IMAGE));
    Files.writeString(folder.resolve("preprocessor_config.json"), """
        {"image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": {"shortest_edge": 8}, "resample": 3,
         "do_center_crop": true, "crop_size": {"height": 8, "width": 8}, "do_rescale": true, "rescale_factor": 0.5,
         "do_normalize": true, "image_mean": [0, 0, 0], "image_std": [1, 1, 1], "do_convert_rgb": true}
        """);
    Optional<ModelImages> images = ModelImages.read(
        folder, new ObjectMapper().readTree(folder.resolve("config.json").toFile()), tokenizer);
    Checkpoint checkpoint = Checkpoint.open(demo);
    model = new ModelText(checkpoint, ModelConfig.from(checkpoint.config()), tokenizer, PromptFormat.of(
        tokenizer, Map.of(), LocalDateTime.now(), Optional.of("<image>")), images);
    for (String name : List.of("a", "b")) {
      BufferedImage drawn = new BufferedImage(12, 9, BufferedImage.TYPE_INT_RGB);
      drawn.setRGB(3, 4, name.hashCode());
      Files.createDirectories(folder.resolve("pics"));
      ImageIO.write(drawn, "png", folder.resolve("pics/" + name + ".png").toFile());
    }
  }

  @AfterEach
  void close() {
    model.close();
  }

  private Recipe recipe(String settings, String... rows) throws IOException {
    Path file = Files.createDirectories(folder.resolve("data/t")).resolve("train.jsonl");
    Files.writeString(file, String.join("\n", rows).replace('\'', '"'));
    return RecipeReader.parse("model: demo\ndata: " + folder + "/data\ntasks: [{name: t, test: t/train.jsonl, image_dir:"
        + " ../pics}]\nlora: {r: 4}\ntrain: {" + settings + "}\n", "recipe", List.of(), note -> {});
  }

  private Split train(LongRows longRows, String settings, String... rows) throws IOException {
    Recipe recipe = recipe(settings, rows);
    return Tasks.read(recipe, 256, longRows, false, model.rows()).tasks().get(0).train();
  }

  private String text(Sample sample) {
    return model.tokenizer().decode(sample.ids(), false);
  }

  @Test
  void imagesBecomeTokensAndStayWithTheirRow() throws IOException {
    List<Sample> samples = train(LongRows.REFUSE, "",
        "{'prompt': '<image>\\n<image> same?', 'completion': 'no', 'images': ['a.png', 'b.png']}",
        "{'prompt': 'what is <image>?', 'completion': 'a <image> token'}").samples();
    String image = "<image>".repeat(TOKENS);
    assertThat(text(samples.get(0)))
        .isEqualTo("<|user|>" + image + "\n" + image + " same?<|assistant|>no<|endoftext|>");
    assertThat(samples.get(0).images()).extracting(source -> source.name().replaceFirst(".*: ", ""))
        .containsExactly("image " + folder + "/pics/a.png", "image " + folder + "/pics/b.png");
    assertThat(model.tokenizer().decode(Arrays.copyOfRange(samples.get(0).ids(), samples.get(0).promptLength(),
        samples.get(0).ids().length), false)).isEqualTo("no<|endoftext|>");
    assertThat(text(samples.get(1))).isEqualTo("<|user|>what is <image>?<|assistant|>a <image> token<|endoftext|>");
    assertThat(samples.get(1).images()).isEmpty();
    assertThat(samples.get(1).ids()).doesNotContain(IMAGE);
  }

  @Test
  void llavasRowsAndTextsThatAreLearntAsAWhole() throws IOException {
    List<Sample> samples = train(LongRows.REFUSE, "",
        "{'image': 'a.png', 'conversations': [{'from': 'human', 'value': 'What?\\n<image>'}, {'from': 'gpt',"
            + " 'value': 'one'}]}",
        "{'conversations': [{'from': 'human', 'value': 'What?'}, {'from': 'gpt', 'value': 'two'}]}").samples();
    assertThat(text(samples.get(0)))
        .isEqualTo("<|user|>What?\n" + "<image>".repeat(TOKENS) + "<|assistant|>one<|endoftext|>");
    assertThat(text(samples.get(1))).isEqualTo("<|user|>What?<|assistant|>two<|endoftext|>");
    Sample whole = train(LongRows.REFUSE, "eval_steps: 0", "{'text': 'see <image> here', 'images': 'b.png'}")
        .samples().get(0);
    assertThat(IntStream.range(0, whole.ids().length).filter(i -> whole.ids()[i] == IMAGE)).hasSize(TOKENS)
        .noneMatch(i -> whole.trained()[i]);
  }

  @Test
  void imagesAreNeverCut() throws IOException {
    String[] rows = {
        "{'messages': [{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}, {'role': 'user',"
            + " 'content': [{'type': 'image'}]}, {'role': 'assistant', 'content': 'c d e f'}], 'images': ['a.png']}"};
    int length = train(LongRows.REFUSE, "", rows).samples().get(0).ids().length;
    assertThat(train(LongRows.TRUNCATE, "max_length: " + (length - 1), rows).samples().get(0).ids())
        .hasSize(length - 1);
    assertThatThrownBy(() -> train(LongRows.TRUNCATE, "max_length: 8", rows)).isInstanceOf(DataException.class)
        .hasMessageContaining("1 too long for 8 tokens");
  }

  @Test
  void faultsNameFileAndLine() throws IOException {
    String good = "{'prompt': '<image>', 'completion': 'c', 'images': 'a.png'}";
    String file = folder + "/data/t/train.jsonl:2: ";
    assertThatThrownBy(() -> train(LongRows.REFUSE, "", good, good.replace("a.png", "c.png")))
        .isInstanceOf(DataException.class).hasMessage(file + "image " + folder + "/pics/c.png does not exist; paths are"
            + " relative to image_dir of the task, or to the file of the row");
    assertThatThrownBy(() -> train(LongRows.REFUSE, "", good, good.replace("'<image>'", "'<image> <image>'")))
        .isInstanceOf(DataException.class)
        .hasMessage(file + "1 images, but <image> stands 2 times in the text; write it once for each image");
    assertThatThrownBy(() -> train(LongRows.REFUSE, "", good, good.replace("'<image>'", "'none'")))
        .isInstanceOf(DataException.class).hasMessageContaining(file + "1 images, but <image> stands 0 times");
  }

  @Test
  void aPreviewCountsFaultyImagesAndGoesOn() throws IOException {
    byte[] whole = Files.readAllBytes(folder.resolve("pics/a.png"));
    Files.write(folder.resolve("pics/cut.png"), Arrays.copyOf(whole, whole.length - 30));
    String good = "{'prompt': '<image>?', 'completion': 'c', 'images': 'a.png'}";
    DataPreview preview = DataPreview.of(recipe("", good, good.replace("a.png", "c.png"),
        good.replace("a.png", "cut.png"), good.replace("<image>", ""), "{'prompt': 'p', 'completion': 'c'}"), 1, model);
    DataPreview.Counts train = preview.tasks().get(0).splits().get("train");
    assertThat(train.rows()).isEqualTo(2);
    assertThat(train.images().rows()).isEqualTo(1);
    assertThat(train.images().count()).isEqualTo(1);
    assertThat(train.images().tokens()).isEqualTo(TOKENS);
    String file = folder + "/data/t/train.jsonl:";
    assertThat(train.images().faults()).hasSize(3);
    assertThat(train.images().faults().get(0)).startsWith(file + "2: image " + folder + "/pics/c.png does not exist");
    assertThat(train.images().faults().get(1)).startsWith(file + "3: image " + folder + "/pics/cut.png");
    assertThat(train.images().faults().get(2)).startsWith(file + "4: 1 images");
    assertThat(preview.hasFaultyImages()).isTrue();
    DataPreview.Shown shown = preview.tasks().get(0).rows().get(0);
    assertThat(shown.pieces().get(0).text()).isEqualTo("<|user|><image>\u00d74?<|assistant|>");
    assertThat(shown.images()).containsExactly(file + "1: image " + folder + "/pics/a.png");
  }
}
