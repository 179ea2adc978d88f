package thanora.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextStreamTest {
  private static final String TEXT = "a  naïve 日本語 text 👩‍👩‍👧 of\n\n many\tbytes: ÿ €5, 12345 and   ends here ";

  /** Pieces, each of whole characters. */
  private static List<String> pieces(Tokenizer tokenizer, int[] ids) {
    TextStream stream = new TextStream(tokenizer);
    List<String> pieces = new ArrayList<>();
    for (int id : ids) {
      pieces.add(stream.next(id));
    }
    assertThat(pieces).allSatisfy(piece -> assertThat(piece).doesNotContain("\uFFFD"));
    pieces.add(stream.end());
    return pieces;
  }

  @ParameterizedTest
  @ValueSource(strings = {"demo/model", "src/test/resources/golden/tokenizer"})
  void piecesAreTheWholeText(String folder) {
    Tokenizer tokenizer = Tokenizer.of(Path.of(folder));
    int[] ids = tokenizer.encode(TEXT);
    List<String> pieces = pieces(tokenizer, ids);
    assertThat(String.join("", pieces)).isEqualTo(tokenizer.decode(ids, true));
    assertThat(pieces).as("streamed, not held to the end").filteredOn(s -> !s.isEmpty()).hasSizeGreaterThan(20);
  }

  /** Bytes as tokens of their own, and a decoder that takes the first blank off. */
  @Test
  void byteFallbackIsWholeCharactersToo() {
    Tokenizer tokenizer = Tokenizer.of(byteFallback(), new Special(OptionalInt.empty(),
        OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(), Set.of()), Optional.empty());
    int[] ids = tokenizer.encode(" ab é日👍 b");
    List<String> pieces = pieces(tokenizer, ids);
    assertThat(String.join("", pieces)).isEqualTo(tokenizer.decode(ids, true)).isEqualTo(" ab é日👍 b");
    assertThat(pieces).contains("é", "日", "👍");
  }

  private static String byteFallback() {
    StringBuilder vocab = new StringBuilder("\"<unk>\": 0");
    for (int b = 0; b < 256; b++) {
      vocab.append(String.format(", \"<0x%02X>\": %d", b, b + 1));
    }
    vocab.append(", \"▁\": 257, \"a\": 258, \"b\": 259");
    return """
        {"version": "1.0", "added_tokens": [{"id": 0, "content": "<unk>", "special": true,
          "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
           {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
         "decoder": {"type": "Sequence", "decoders": [
           {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
           {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
         "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
           "vocab": {%s}, "merges": []}}""".formatted(vocab);
  }

  @Test
  void anyIdsGiveWhatDecodingThemGives() {
    Tokenizer tokenizer = Tokenizer.of(Path.of("demo/model"));
    Random random = new Random(5);
    for (int round = 0; round < 200; round++) {
      int[] ids = random.ints(12, 0, round % 2 == 0 ? 300 : tokenizer.vocabularySize()).toArray();
      TextStream stream = new TextStream(tokenizer);
      StringBuilder text = new StringBuilder();
      for (int id : ids) {
        text.append(stream.next(id));
      }
      assertThat(text.append(stream.end())).hasToString(tokenizer.decode(ids, true));
    }
  }

  @Test
  void anIdWithoutATokenIsNoText() {
    TextStream stream = new TextStream(Tokenizer.of(Path.of("demo/model")));
    assertThat(stream.next(1_000_000)).isEmpty();
  }

  @Test
  void stopStringsAreFoundAcrossPieces() {
    StopStrings stops = new StopStrings(List.of("END", "\n\n", "EN."));
    assertThat(stops.next("one E")).isEqualTo("one ");
    assertThat(stops.next("N")).isEmpty();
    assertThat(stops.next("T\n")).isEqualTo("ENT");
    assertThat(stops.next("x\n")).isEqualTo("\nx");
    assertThat(stops.stopped()).isFalse();
    assertThat(stops.next("\nE")).isEmpty();
    assertThat(stops.stopped()).isTrue();
    assertThat(stops.next("more") + stops.end()).isEmpty();
  }

  @Test
  void whatWasHeldForAStopThatNeverCameIsGivenAtTheEnd() {
    StopStrings stops = new StopStrings(List.of("aab"));
    assertThat(stops.next("xaaa")).isEqualTo("xa");
    assertThat(stops.next("b")).isEmpty();
    assertThat(stops.stopped()).isTrue();
    StopStrings other = new StopStrings(List.of("aab"));
    assertThat(other.next("xaa") + "|" + other.end()).isEqualTo("x|aa");
    assertThatThrownBy(() -> new StopStrings(List.of(""))).hasMessage("a stop string is empty; leave it out");
  }

  @Test
  void theFirstStopInTheTextWinsWhateverTheirOrder() {
    StopStrings stops = new StopStrings(List.of("later", "no"));
    assertThat(stops.next("yes no later")).isEqualTo("yes ");
  }
}
