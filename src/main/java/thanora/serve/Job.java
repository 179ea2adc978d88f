package thanora.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import thanora.NamedAdapters;
import thanora.model.Prompt;
import thanora.model.Sampling;

/**
 * A request that was understood.
 *
 * @param model its name
 * @param orders a text each: those of the first prompt, then those of the second
 * @param promptTokens of all prompts, each once
 * @param chat whether it is a chat, or plain text
 * @param stream whether the texts are sent as they are made
 * @param usage whether a stream ends with the number of tokens
 */
record Job(String model, List<Order> orders, int promptTokens, boolean chat, boolean stream, boolean usage) {
  private static final Set<String> SHARED = Set.of("model", "max_tokens", "temperature", "top_p", "seed", "n",
      "stop", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "stream", "stream_options");
  private static final Set<String> CHAT = with("messages", "tools", "tool_choice", "max_completion_tokens",
      "top_logprobs", "response_format", "chat_template_kwargs");
  private static final Set<String> PLAIN = with("prompt", "echo", "best_of");
  private static final String LEAVE = "leave it out";
  private static final String CUT = "use temperature and top_p";
  private static final Map<String, String> UNSUPPORTED = Map.ofEntries(
      Map.entry("functions", "use tools"), Map.entry("function_call", "use tool_choice"),
      Map.entry("audio", LEAVE), Map.entry("modalities", LEAVE), Map.entry("prediction", LEAVE),
      Map.entry("web_search_options", LEAVE), Map.entry("verbosity", LEAVE),
      Map.entry("reasoning_effort", "use chat_template_kwargs if the model's template has a switch"),
      Map.entry("suffix", LEAVE), Map.entry("top_k", CUT), Map.entry("min_p", CUT),
      Map.entry("repetition_penalty", "use presence_penalty and frequency_penalty"));
  /** What a completion gets that says nothing, as in OpenAI's API. */
  private static final int PLAIN_TOKENS = 16;

  private static Set<String> with(String... more) {
    Set<String> all = new TreeSet<>(SHARED);
    all.addAll(List.of(more));
    return all;
  }

  /** Reads a request for a chat. */
  static Job chat(JsonNode body, NamedAdapters models, Limits limits, ObjectMapper json) {
    Fields fields = Fields.of(body, CHAT, UNSUPPORTED);
    int model = model(fields, models);
    Prompt prompt = new ChatPrompt(models.model().prompts(), json).of(fields);
    boolean logprobs = fields.flag("logprobs");
    int top = fields.whole("top_logprobs", 0, 20).orElse(-1);
    if (top >= 0 && !logprobs) {
      throw ApiException.field("top_logprobs", "needs logprobs: true");
    }
    if (fields.get("max_tokens").isPresent() && fields.get("max_completion_tokens").isPresent()) {
      throw ApiException.field("max_tokens", "max_completion_tokens is given as well; give one of them");
    }
    String name = fields.get("max_completion_tokens").isPresent() ? "max_completion_tokens" : "max_tokens";
    return job(fields, models, limits, model, List.of(prompt), name, Integer.MAX_VALUE,
        logprobs ? Math.max(0, top) : -1, true);
  }

  /** Reads a request for plain text. */
  static Job plain(JsonNode body, NamedAdapters models, Limits limits) {
    Fields fields = Fields.of(body, PLAIN, UNSUPPORTED);
    int model = model(fields, models);
    if (fields.flag("echo")) {
      throw ApiException.unsupported("echo", "put the prompt before the text yourself");
    }
    int best = fields.whole("best_of", 1, Integer.MAX_VALUE).orElse(1);
    if (best != 1 && best != fields.whole("n", 1, Integer.MAX_VALUE).orElse(1)) {
      throw ApiException.unsupported("best_of", "give n, and choose among the answers");
    }
    List<Prompt> prompts = new PlainPrompts(models.model()).of(fields);
    int top = fields.whole("logprobs", 0, 20).orElse(-1);
    return job(fields, models, limits, model, prompts, "max_tokens", PLAIN_TOKENS, top, false);
  }

  private static int model(Fields fields, NamedAdapters models) {
    String name = fields.string("model").orElseThrow(
        () -> ApiException.field("model", "is missing; give one of " + String.join(", ", models.names())));
    int index = models.names().indexOf(name);
    if (index < 0) {
      throw new ApiException(404, "model", "model_not_found",
          "model " + name + " does not exist; there are " + String.join(", ", models.names()));
    }
    return index;
  }

  private static Job job(Fields fields, NamedAdapters models, Limits limits, int model, List<Prompt> prompts,
      String maxTokens, int otherwise, int top, boolean chat) {
    int n = fields.whole("n", 1, limits.parallel() + limits.queue()).orElse(1);
    if ((long) n * prompts.size() > limits.parallel() + limits.queue()) {
      throw ApiException.field("prompt", n * prompts.size() + " texts at once are too many; ask for "
          + (limits.parallel() + limits.queue()) + " at most");
    }
    Sampling sampling = sampling(fields, models.model().decoder().config().vocabulary());
    List<String> stops = fields.strings("stop", 4);
    long seed = fields.seed("seed").orElseGet(() -> ThreadLocalRandom.current().nextLong());
    int asked = fields.whole(maxTokens, 1, limits.maxNewTokens()).orElse(-1);
    List<Order> orders = new ArrayList<>();
    int tokens = 0;
    for (Prompt prompt : prompts) {
      int most = most(prompt.ids().length, asked, Math.min(otherwise, limits.maxNewTokens()), maxTokens, limits);
      tokens += prompt.ids().length;
      for (int i = 0; i < n; i++) {
        orders.add(new Order(model, prompt, most, sampling, seed + i, stops, top));
      }
    }
    boolean stream = fields.flag("stream");
    return new Job(models.names().get(model), orders, tokens, chat, stream, usage(fields, stream));
  }

  /** Tokens that a text may have: what is asked for, or what there is room for. */
  private static int most(int prompt, int asked, int otherwise, String name, Limits limits) {
    int room = limits.maxLength() - prompt;
    if (prompt == 0) {
      throw ApiException.field("prompt", "is empty; the model needs a token to begin with");
    }
    if (room < 1 || asked > room) {
      throw new ApiException(400, room < 1 ? null : name, "context_length_exceeded", "the prompt has " + prompt
          + " tokens" + (asked > 0 ? ", " + asked + " are asked for" : "") + ", at most " + limits.maxLength()
          + " fit together; shorten the prompt" + (asked > 0 ? " or give a smaller " + name : ""));
    }
    return asked > 0 ? asked : Math.min(otherwise, room);
  }

  private static Sampling sampling(Fields fields, int vocabulary) {
    double topP = fields.number("top_p", 0, 1, 1);
    return new Sampling(fields.number("temperature", 0, 2, 1), Math.max(topP, Double.MIN_NORMAL),
        fields.number("presence_penalty", -2, 2, 0), fields.number("frequency_penalty", -2, 2, 0),
        bias(fields, vocabulary));
  }

  private static Map<Integer, Double> bias(Fields fields, int vocabulary) {
    Map<Integer, Double> bias = new HashMap<>();
    fields.get("logit_bias").ifPresent(given -> {
      if (!(given instanceof ObjectNode object)) {
        throw ApiException.field("logit_bias", "is not an object of token ids and numbers");
      }
      object.fields().forEachRemaining(entry -> {
        String id = entry.getKey();
        double value = entry.getValue().isNumber() ? entry.getValue().doubleValue() : Double.NaN;
        if (!id.matches("\\d{1,9}") || Integer.parseInt(id) >= vocabulary || !(Math.abs(value) <= 100)) {
          throw ApiException.field("logit_bias",
              "an entry is not a token id below " + vocabulary + " with a number from -100 to 100");
        }
        bias.put(Integer.parseInt(id), value);
      });
    });
    return bias;
  }

  private static boolean usage(Fields fields, boolean stream) {
    return fields.get("stream_options").map(given -> {
      if (!stream) {
        throw ApiException.field("stream_options", "needs stream: true");
      }
      return Fields.of(given, Set.of("include_usage", "include_obfuscation"), Map.of()).flag("include_usage");
    }).orElse(false);
  }
}
