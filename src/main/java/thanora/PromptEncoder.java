package thanora;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import thanora.image.ImageException;
import thanora.image.ImageSource;
import thanora.image.ModelImages;
import thanora.model.Prompt;
import thanora.text.ChatMessage;
import thanora.text.Encoded;
import thanora.text.PromptFormat;

/**
 * Prompts as a model sees them, as many images in them as they have places.
 *
 * @param format how texts become tokens
 * @param images how images do; empty for a model of text alone
 */
public record PromptEncoder(PromptFormat format, Optional<ModelImages> images) {
  /**
   * A conversation whose next message the model is to write.
   *
   * @param more further variables of the template
   * @param seen its images, in the order of their places
   * @throws ImageException if there are not as many as places, one is missing, or the model reads text alone
   * @throws thanora.text.TokenizerException if the model has no chat template and the conversation needs one
   * @throws thanora.text.jinja.TemplateException if the template refuses the messages
   */
  public Prompt conversation(List<ChatMessage> messages, Map<String, Object> more, List<ImageSource> seen) {
    requireSight(seen);
    return of(format.conversation(messages, more, !seen.isEmpty()), seen);
  }

  /**
   * Looks whether a model sees images and can read this one.
   *
   * @throws ImageException if not
   */
  public void requireReadable(ImageSource image) {
    requireSight(List.of(image));
    images.orElseThrow().processor().pixels(image);
  }

  private void requireSight(List<ImageSource> seen) {
    if (images.isEmpty() && !seen.isEmpty()) {
      throw new ImageException("the model reads text alone, so " + seen.get(0).name()
          + " cannot be shown to it; take a model with a vision tower");
    }
  }

  /**
   * Token ids, one for each image.
   *
   * @throws ImageException as above
   */
  public Prompt of(int[] ids, List<ImageSource> seen) {
    requireSight(seen);
    seen.forEach(ImageSource::requireThere);
    return new Prompt(images.map(own -> own.tokens().expand(new Encoded(ids, ids.length),
        seen.stream().map(own.processor()::layout).toList()).ids()).orElse(ids), seen);
  }
}
