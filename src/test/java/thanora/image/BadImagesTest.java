package thanora.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import thanora.Golden;
import thanora.text.Tokenizer;

/** Bad images and folders: each told in one line that names the file. */
class BadImagesTest {
  @TempDir Path folder;

  private static ImageSource source(byte[] bytes) {
    return new ImageSource.ImageBytes("row 3: image a.png", bytes);
  }

  private static String complaint(byte[] bytes) {
    ImageException e = catchThrowableOfType(ImageException.class, () -> ImageDecoder.decode(source(bytes)));
    assertThat(e).isNotNull();
    assertThat(e.getMessage()).startsWith("row 3: image a.png").doesNotContain("\n");
    return e.getMessage();
  }

  private static byte[] image(String name) {
    return GoldenImages.source(name).bytes();
  }

  @Test
  void whatIsNoImageIsSaidSo() {
    assertThat(complaint(new byte[0])).endsWith("is an empty file; get it again");
    assertThat(complaint("version https://git-lfs".getBytes(StandardCharsets.UTF_8)))
        .endsWith("is no image of a known format; PNG, JPEG, WebP, GIF and BMP are read");
    assertThat(complaint("<svg></svg>".getBytes(StandardCharsets.UTF_8))).contains("no image of a known format");
    assertThatThrownBy(() -> ImageDecoder.decode(new ImageSource.ImageFile(folder.resolve("none.png"), "")))
        .isInstanceOf(ImageException.class).hasMessageContaining("none.png does not exist");
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb.png", "palette.png", "noise.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "lossy.webp",
      "lossless.webp", "alpha.webp", "moving.gif", "rgb.bmp", "palette.bmp"})
  void aFileThatEndsTooEarlyIsRefused(String name) {
    byte[] whole = image(name);
    for (double part : new double[] {0.1, 0.5, 0.8}) {
      byte[] cut = Arrays.copyOf(whole, (int) (whole.length * part));
      if (name.equals("moving.gif") && part > 0.5) {
        continue; // its first frame is whole
      }
      assertThat(complaint(cut)).as(name + " " + part).containsAnyOf("get it again", "no image");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb.png", "noise.jpg", "lossy.webp", "lossless.webp", "moving.gif", "rgb.bmp"})
  void spoiltBytesGiveAnImageOrOneLine(String name) {
    Random random = new Random(7);
    for (int i = 0; i < 30; i++) {
      byte[] spoilt = image(name);
      for (int k = 0; k < 4; k++) {
        spoilt[random.nextInt(Math.min(spoilt.length, 400))] = (byte) random.nextInt();
      }
      try {
        ImageDecoder.decode(source(spoilt));
      } catch (ImageException e) {
        assertThat(e.getMessage()).startsWith("row 3: image a.png").doesNotContain("\n");
      }
    }
  }

  @Test
  void aHeaderOfTooManyPixelsIsRefusedBeforeTheyAreMade() {
    byte[] png = image("rgb.png");
    ByteBuffer.wrap(png).putInt(16, 100_000).putInt(20, 100_000);
    assertThat(complaint(png)).contains("is 100000 x 100000 pixels, more than 178956970; make it smaller");
    ByteBuffer.wrap(png).putInt(16, 0);
    assertThat(complaint(png)).contains("has no size in its PNG header");
  }

  private SquareTiles processor(String fields) throws IOException {
    Files.writeString(folder.resolve("preprocessor_config.json"), fields.replace('\'', '"'));
    return Processors.read(folder, Optional.empty());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '^', value = {
      "{'image_processor_type': 'ViTImageProcessor'}|image_processor_type is \"ViTImageProcessor\"; supported are CLIP",
      "{}|image_processor_type is \"\"; supported are CLIP",
      "[]|is no JSON object; get the model's folder again",
      "{'|is no valid JSON; get the model's folder again",
      "{'image_processor_type': 'CLIPImageProcessor', 'crop_size': {'height': 3, 'width': 4}}|it must be square",
      "{'image_processor_type': 'CLIPImageProcessor', 'do_center_crop': false}|it must be of equal height and width",
      "{'image_processor_type': 'SiglipImageProcessor', 'size': {'height': 3, 'width': 4}}|it must be of equal height",
      "{'image_processor_type': 'CLIPImageProcessor', 'resample': 9}|resample is 9; it must be a filter of Pillow",
      "{'image_processor_type': 'CLIPImageProcessor', 'image_mean': [1, 2]}|it must be a number or a list of three",
      "{'image_processor_type': 'CLIPImageProcessor', 'image_std': 0}|image_std is 0; it must be more than 0",
      "{'image_processor_type': 'CLIPImageProcessor', 'do_resize': 'yes'}|it must be true or false",
      "{'image_processor_type': 'CLIPImageProcessor', 'size': {'edge': 3}}|it must be height and width, shortest_edge",
      "{'image_processor_type': 'CLIPImageProcessor', 'size': 1000000}|size is 1000000; it must be 8192 at most",
      "{'image_processor_type': 'Idefics3ImageProcessor', 'max_image_size': {'height': 3, 'width': 3}}|longest_edge",
  })
  void aProcessorThatIsNotSupportedIsRefused(String fields, String complaint) {
    assertThatThrownBy(() -> processor(fields)).isInstanceOf(ImageException.class)
        .hasMessageStartingWith(folder.resolve("preprocessor_config.json").toString())
        .hasMessageContaining(complaint).hasMessageNotContaining("\n");
  }

  @Test
  void anImageThatWouldBecomeTooLongIsRefused() throws IOException {
    SquareTiles clip = processor("{'image_processor_type': 'CLIPImageProcessor', 'size': 8192}");
    byte[] bmp = new byte[54 + 4 * 30_000];
    ByteBuffer.wrap(bmp).order(ByteOrder.LITTLE_ENDIAN).put(0, (byte) 'B').put(1, (byte) 'M')
        .putInt(2, bmp.length).putInt(10, 54).putInt(14, 40).putInt(18, 1).putInt(22, 30_000)
        .putShort(26, (short) 1).putShort(28, (short) 24);
    String complaint = "row 3: image a.png is 1 x 30000 pixels, so long that the processor would make it ";
    assertThatThrownBy(() -> clip.pixels(source(bmp))).isInstanceOf(ImageException.class)
        .hasMessageContaining(complaint);
    SquareTiles padded = processor("{'image_processor_type': 'LlavaImageProcessor', 'do_pad': true}");
    assertThatThrownBy(() -> padded.pixels(source(bmp))).isInstanceOf(ImageException.class)
        .hasMessageContaining(complaint + "30000 x 30000; cut it");
  }

  private void folder(int number, Consumer<ObjectNode> change) throws IOException {
    ObjectNode one = (ObjectNode) GoldenImages.cases().get("texts").get(number);
    change.accept(one);
    Files.copy(Golden.path("images/tokenizer_tags.json"), folder.resolve("tokenizer.json"),
        StandardCopyOption.REPLACE_EXISTING);
    Files.writeString(folder.resolve("preprocessor_config.json"), one.get("processor").toString());
    Files.writeString(folder.resolve("processor_config.json"), one.get("processor_config").toString());
    ModelImages.read(folder, one.get("config"), Tokenizer.of(folder));
  }

  @Test
  void filesOfTwoModelsAreRefused() {
    assertThatThrownBy(() -> folder(0, one -> one.withObject("/config").put("image_token_id", 5)))
        .hasMessageContaining("config.json: image_token_id is 5, but the tokenizer makes [257] of <image>");
    assertThatThrownBy(() -> folder(0, one -> one.withObject("/processor_config").put("patch_size", 6)))
        .hasMessageContaining("make 4 tokens of an image, but the tower makes 9 vectors of one");
    assertThatThrownBy(() -> folder(0, one -> one.withObject("/config/vision_config").put("image_size", 24)))
        .hasMessageContaining("image_size is 24, but the image processor makes tiles of 12");
    assertThatThrownBy(() -> folder(6, one -> one.withObject("/processor_config").put("image_seq_len", 9)))
        .hasMessageContaining("image_seq_len is 9, but the tower makes 4 vectors");
  }
}
