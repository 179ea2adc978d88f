package thanora.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PromptFormatTest {
  private static Tokenizer tokenizer(OptionalInt eos, String template) throws IOException {
    String json = Files.readString(TokenizerTest.FOLDER.resolve("tokenizer.json"));
    Special special =
        new Special(OptionalInt.of(1), eos, OptionalInt.empty(), OptionalInt.empty(), Set.of());
    return Tokenizer.of(json, special, Optional.ofNullable(template));
  }

  private static String trained(Tokenizer tokenizer, Encoded encoded) {
    return tokenizer.decode(
        Arrays.copyOfRange(encoded.ids(), encoded.promptLength(), encoded.ids().length), false);
  }

  @Test
  void chatTrainsTheCompletionAndTheEndOfTurnButNotTheNewlineBehindIt() {
    Tokenizer tokenizer = Tokenizer.of(TokenizerTest.FOLDER);
    PromptFormat format = PromptFormat.of(tokenizer);
    Encoded encoded = format.encode("one 👍", "two");
    assertThat(tokenizer.decode(format.prompt("one 👍"), false))
        .isEqualTo("<|im_start|>user\none 👍<|im_end|>\n<|im_start|>assistant\n");
    assertThat(Arrays.copyOf(encoded.ids(), encoded.promptLength()))
        .isEqualTo(format.prompt("one 👍"));
    assertThat(trained(tokenizer, encoded)).isEqualTo("two<|im_end|>");
    assertThat(format.stopIds()).containsExactlyInAnyOrder(0, 2);
  }

  @Test
  void plainTextPutsALineBetweenAndEndsWithTheEos() throws IOException {
    Tokenizer tokenizer = tokenizer(OptionalInt.of(0), null);
    Encoded encoded = PromptFormat.of(tokenizer).encode("one", "two");
    assertThat(tokenizer.decode(encoded.ids(), false)).isEqualTo("one\ntwo<|endoftext|>");
    assertThat(trained(tokenizer, encoded)).isEqualTo("two<|endoftext|>");
  }

  @Test
  void plainTextBeginsWithTheBosIfTheTokenizerAddsIt() throws IOException {
    Tokenizer tokenizer = Tokenizer.of(TokenizerTest.withBos(),
        new Special(OptionalInt.of(1), OptionalInt.of(2), OptionalInt.empty(), OptionalInt.empty(),
            Set.of()), Optional.empty());
    assertThat(tokenizer.decode(PromptFormat.of(tokenizer).prompt("one"), false))
        .isEqualTo("<|im_start|>one\n");
  }

  @Test
  void aSpecialTokenThatIsNoEosEndsATurnToo() throws IOException {
    Tokenizer tokenizer = tokenizer(OptionalInt.of(0), "{% for m in messages %}{{ m.role }}: "
        + "{{ m.content }}\n<|im_end|>{% endfor %}<|endoftext|>");
    PromptFormat format = PromptFormat.of(tokenizer);
    assertThat(trained(tokenizer, format.encode("one", "two"))).isEqualTo("two\n<|im_end|>");
    assertThat(format.stopIds()).containsExactlyInAnyOrder(0, 2);
  }

  @Test
  void aTemplateWithoutAnEndGetsTheEos() throws IOException {
    String template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
    Tokenizer tokenizer = tokenizer(OptionalInt.of(2), template);
    assertThat(trained(tokenizer, PromptFormat.of(tokenizer).encode("one", "two")))
        .isEqualTo("two\n<|im_end|>");
    Tokenizer endless = tokenizer(OptionalInt.empty(), template);
    assertThatThrownBy(() -> PromptFormat.of(endless)).isInstanceOf(TokenizerException.class)
        .hasMessageContaining("no eos token and the chat template writes none");
  }

  @Test
  void refusesATemplateThatDropsTheAnswer() throws IOException {
    Tokenizer tokenizer = tokenizer(OptionalInt.of(2), "{{ messages[0].content }}");
    assertThatThrownBy(() -> PromptFormat.of(tokenizer)).isInstanceOf(TokenizerException.class)
        .hasMessageContaining("leaves out");
  }

  @Test
  void variablesAndTimeReachTheTemplate() throws IOException {
    Tokenizer tokenizer = tokenizer(OptionalInt.of(2), "{{ strftime_now('%Y') }}{{ mood }} "
        + "{% for m in messages %}{{ m.content }}{% if not loop.last %};{% endif %}{% endfor %}"
        + "{{ eos_token }}");
    PromptFormat format = PromptFormat.of(
        tokenizer, Map.of("mood", "calm"), LocalDateTime.of(1999, 1, 1, 0, 0));
    assertThat(tokenizer.decode(format.prompt("x"), true)).isEqualTo("1999calm x");
  }
}
