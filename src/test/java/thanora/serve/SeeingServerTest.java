package thanora.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import thanora.LoadedModel;
import thanora.NamedAdapters;
import thanora.Recipe;
import thanora.Seeing;
import thanora.image.ImageSource;
import thanora.model.Prompt;
import thanora.model.TextGenerator;
import thanora.text.ChatMessage;

/** Real HTTP with images to a real server: the tiny LLaVA and PEFT's adapter of all of it. */
class SeeingServerTest {
  private static final int MOST = 12;
  private static final Limits LIMITS = new Limits(4, 12, 60, 120, 60, 1_000_000);

  @TempDir static Path folder;
  private static Served served;

  @BeforeAll
  static void start() throws IOException {
    LoadedModel model = LoadedModel.load(
        Seeing.whole(folder.resolve("llava")).toString(), "cpu", Recipe.Dtype.FLOAT32, 1);
    served = new Served(NamedAdapters.open(model, "base", Map.of("tuned", Seeing.folder("llava").resolve("adapter"))),
        LIMITS, Served.OPEN);
  }

  @AfterAll
  static void stop() {
    served.close();
    assertThat(served.failures).isEmpty();
  }

  private static String url(byte[] image) {
    return "data:image/png;base64," + Base64.getEncoder().encodeToString(image);
  }

  private static String part(String url) {
    return "{'type': 'image_url', 'image_url': {'url': '" + url + "', 'detail': 'low'}}";
  }

  private static String words(String text) {
    return "{'type': 'text', 'text': '" + text + "'}";
  }

  private static HttpResponse<String> ask(String model, String more, String... parts) {
    return served.post("/v1/chat/completions", ("{'model': '" + model + "', 'temperature': 0, 'max_tokens': " + MOST
        + more + ", 'messages': [{'role': 'user', 'content': [" + String.join(", ", parts) + "]}]}").replace('\'', '"'));
  }

  private static String answer(HttpResponse<String> response) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return Served.json(response.body()).at("/choices/0/message/content").textValue();
  }

  private static void refused(HttpResponse<String> response, String message) {
    assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
    JsonNode error = Served.json(response.body()).get("error");
    assertThat(error.get("message").textValue()).isEqualTo(message);
    assertThat(error.get("type").textValue()).isEqualTo("invalid_request_error");
  }

  /** As a text alone is generated, by the other way through the model. */
  private static String alone(int task, String text, byte[]... images) {
    LoadedModel model = served.models.model();
    List<ImageSource> seen = Arrays.stream(images).<ImageSource>map(
        bytes -> new ImageSource.ImageBytes("image", bytes)).toList();
    Prompt prompt = model.prompts().conversation(List.of(new ChatMessage("user", text)), Map.of(), seen);
    return model.decode(new TextGenerator(model.decoder(), model.format().stopIds())
        .generate(List.of(prompt), task, 1, MOST, 1, done -> {}).get(0));
  }

  @Test
  void textsWithImagesAndWithoutAreAnsweredTogetherAsEachAlone() throws IOException {
    List<Supplier<String>> questions = new ArrayList<>();
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      byte[] first = Seeing.png(20 + i, 30, 0xff2010 * (i / 3));
      byte[] second = Seeing.png(18, 18, 0x20ff10 + i);
      String model = i % 2 == 0 ? "base" : "tuned";
      String[] parts = switch (i % 3) {
        case 0 -> new String[] {part(url(first)), words("it is ")};
        case 1 -> new String[] {words("the cat is "), part(url(first)), words(" not "), part(url(second))};
        default -> new String[] {words("the tea is ")};
      };
      questions.add(() -> answer(ask(model, "", parts)));
      expected.add(switch (i % 3) {
        case 0 -> alone(i % 2, "<image>it is ", first);
        case 1 -> alone(i % 2, "the cat is <image> not <image>", first, second);
        default -> alone(i % 2, "the tea is ");
      });
    }
    List<CompletableFuture<String>> asked = questions.stream().map(CompletableFuture::supplyAsync).toList();
    for (int i = 0; i < asked.size(); i++) {
      assertThat(asked.get(i).join()).as("%d", i).isEqualTo(expected.get(i));
    }
    assertThat(expected.stream().distinct().count()).isGreaterThan(8);
  }

  @Test
  void tokensOfImagesAreCounted() throws IOException {
    JsonNode reply = Served.json(ask("base", "", part(url(Seeing.png(9, 9, 0xff)))).body());
    assertThat(reply.at("/usage/prompt_tokens").intValue()).isEqualTo(1 + 9 + 1);
  }

  /** Nothing stands for an image token that the model itself writes; those beside it see theirs all the same. */
  @Test
  void anImageTokenThatIsGeneratedHarmsNobody() throws IOException {
    byte[] image = Seeing.png(30, 20, 0x1020ff);
    String expected = alone(0, "<image>is ", image);
    List<CompletableFuture<HttpResponse<String>>> asked = IntStream.range(0, 4).mapToObj(i ->
        CompletableFuture.supplyAsync(() -> ask("base", i % 2 == 0 ? ", 'logit_bias': {'" + Seeing.IMAGE + "': 100}" : "",
            part(url(image)), words("is ")))).toList();
    assertThat(answer(asked.get(1).join())).isEqualTo(expected);
    assertThat(answer(asked.get(3).join())).isEqualTo(expected);
    assertThat(Served.json(asked.get(0).join().body()).at("/usage/completion_tokens").intValue()).isEqualTo(MOST);
  }

  @Test
  void whatIsNoImageOrHasNoneIsRefusedInOneLine() throws IOException {
    String at = "messages[0].content[0].image_url.url: ";
    for (String elsewhere : List.of("https://example.org/a.png", "file:///etc/passwd", "/etc/passwd")) {
      refused(ask("base", "", part(elsewhere)), at + "is not a data URL; the server fetches nothing and opens no files"
          + " for others, so give the image itself: data:image/png;base64,...");
    }
    refused(ask("base", "", part("data:image/png,abc")),
        at + "is a data URL without base64; give data:image/png;base64,...");
    refused(ask("base", "", part("data:image/png;base64,a*c")), at + "is not base64; give data:image/png;base64,...");
    refused(ask("base", "", "{'type': 'image_url'}"), at + "is not a string; give data:image/png;base64,...");
    refused(ask("base", "", part(url("no image".getBytes()))),
        "messages[0].content[0] is no image of a known format; PNG, JPEG, WebP, GIF and BMP are read");
    byte[] whole = Seeing.png(64, 64, 0xff00);
    assertThat(ask("base", "", part(url(Arrays.copyOf(whole, whole.length - 60)))).body())
        .contains("messages[0].content[0] is broken or cut off").contains("invalid_image");
    refused(ask("base", "", words("what is <image>?")),
        "messages: 0 images, but <image> stands 1 times in the text; write it once for each image");
    refused(ask("base", "", part(url(whole)), words("<image>")),
        "messages: 1 images, but <image> stands 2 times in the text; write it once for each image");
    refused(ask("base", "", part(url(Seeing.png(9000, 4000, 1)))), "messages[0].content[0] is 9000 x 4000 pixels,"
        + " more than 33554432; make it smaller");
    refused(served.post("/v1/completions", "{\"model\": \"base\", \"prompt\": \"an <image>\"}"),
        "prompt: has the place of an image; ask with images at /v1/chat/completions");
    refused(served.post("/v1/completions", "{\"model\": \"base\", \"prompt\": [3, " + Seeing.IMAGE + "]}"),
        "prompt: has the place of an image; ask with images at /v1/chat/completions");
    String many = part(url(Seeing.png(9, 9, 0xff)));
    assertThat(ask("base", "", IntStream.range(0, 14).mapToObj(i -> many).toArray(String[]::new)).body())
        .contains("context_length_exceeded");
  }

  @Test
  void aModelOfTextAloneSaysSo() throws IOException {
    Path other = Files.createDirectories(folder.resolve("text"));
    try (Served text = new Served(other, Served.LIMITS, Served.OPEN)) {
      refused(text.post("/v1/chat/completions", ("{'model': 'demo', 'messages': [{'role': 'user', 'content': ["
          + part(url(Seeing.png(9, 9, 0xff))) + "]}]}").replace('\'', '"')),
          "messages: the model reads text alone, so messages[0].content[0] cannot be shown to it; take a model with a"
              + " vision tower");
    }
  }
}
