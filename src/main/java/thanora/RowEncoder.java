package thanora;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import thanora.data.Row;
import thanora.data.SampleEncoder;
import thanora.image.ImageException;
import thanora.image.ImageSource;
import thanora.image.ImageTokens;
import thanora.image.Layout;
import thanora.image.ModelImages;
import thanora.text.Encoded;
import thanora.text.PromptFormat;
import thanora.text.Tokenizer;

/**
 * Rows as a model sees them.
 *
 * @param format how texts become tokens
 * @param images how images do; empty for a model of text alone
 */
record RowEncoder(Tokenizer tokenizer, PromptFormat format, Optional<ModelImages> images) implements SampleEncoder {
  @Override
  public Encoded encode(Row row) {
    if (images.isEmpty() && !row.images().isEmpty()) {
      throw new ImageException(row.images().get(0).name() + " is for a model that sees images, and this one reads text"
          + " alone; give a model with a vision tower, or take the images out of the rows");
    }
    Encoded text = text(row);
    return images.map(own -> withImages(row, text, own)).orElse(text);
  }

  @Override
  public OptionalInt imageToken() {
    return images.isPresent() ? OptionalInt.of(images.get().tokens().id()) : OptionalInt.empty();
  }

  private Encoded text(Row row) {
    boolean hasImages = !row.images().isEmpty();
    if (row instanceof Row.Pair pair) {
      return format.encode(pair.system(), pair.question(), pair.completion(), hasImages);
    }
    if (row instanceof Row.Text text) {
      return format.encodeText(text.text(), hasImages);
    }
    return format.encode(((Row.Conversation) row).chat(), hasImages);
  }

  private Encoded withImages(Row row, Encoded text, ModelImages own) {
    boolean places = row instanceof Row.Conversation talk
        && talk.chat().messages().stream().anyMatch(message -> !message.imageParts().isEmpty());
    if (row.images().isEmpty() && !places) {
      return inLetters(text, own.tokens());
    }
    row.images().forEach(ImageSource::requireThere);
    List<Layout> layouts = row.images().stream().map(own.processor()::layout).toList();
    return own.tokens().expand(given(text, own.tokens().id()), layouts);
  }

  /** The same with images that are given, never learnt, wherever they stand. */
  private static Encoded given(Encoded text, int image) {
    boolean[] trained = text.trained().clone();
    for (int i = 0; i < trained.length; i++) {
      trained[i] &= text.ids()[i] != image;
    }
    return new Encoded(text.ids(), trained);
  }

  /** Where a text without images has the placeholder, it is its letters that are meant. */
  private Encoded inLetters(Encoded text, ImageTokens tokens) {
    int places = (int) IntStream.of(text.ids()).filter(id -> id == tokens.id()).count();
    int[] letters = Stream.of(tokens.placeholder().substring(0, 1), tokens.placeholder().substring(1))
        .flatMapToInt(part -> IntStream.of(tokenizer.encode(part))).toArray();
    return new ImageTokens(tokens.id(), tokens.placeholder(), layout -> letters)
        .expand(text, Collections.nCopies(places, Layout.WHOLE));
  }
}
