package thanora.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import thanora.LoadedModel;
import thanora.image.ImageException;
import thanora.model.Prompt;
import thanora.text.TokenizerException;

/** The prompts of a completion: a text, token ids, or a list of either. */
final class PlainPrompts {
  private static final String RULE = "is not a string, a list of strings, or token ids";

  private final LoadedModel model;

  PlainPrompts(LoadedModel model) {
    this.model = model;
  }

  List<Prompt> of(Fields fields) {
    JsonNode prompt = fields.get("prompt").orElseThrow(() -> ApiException.field("prompt", "is missing"));
    boolean one = prompt.isTextual() || prompt.isArray() && prompt.path(0).isNumber();
    if (!one && (!prompt.isArray() || prompt.isEmpty())) {
      throw ApiException.field("prompt", RULE);
    }
    List<Prompt> prompts = new ArrayList<>();
    for (JsonNode each : one ? List.of(prompt) : prompt) {
      prompts.add(withoutImages(each.isTextual() ? encode(each.textValue()) : ids(each)));
    }
    return prompts;
  }

  private Prompt withoutImages(int[] ids) {
    try {
      return model.prompts().of(ids, List.of());
    } catch (ImageException e) {
      throw ApiException.field("prompt", "has the place of an image; ask with images at /v1/chat/completions");
    }
  }

  private int[] encode(String text) {
    try {
      return model.format().plain(text);
    } catch (TokenizerException e) {
      throw ApiException.field("prompt", e.getMessage());
    }
  }

  private int[] ids(JsonNode list) {
    if (!list.isArray()) {
      throw ApiException.field("prompt", RULE);
    }
    int[] ids = new int[list.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = list.get(i);
      if (!id.canConvertToInt() || !id.isIntegralNumber() || !model.tokenizer().hasToken(id.intValue())) {
        throw ApiException.field("prompt", "an entry is not one of the model's token ids");
      }
      ids[i] = id.intValue();
    }
    return ids;
  }
}
