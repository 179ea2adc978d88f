package thanora.serve;

import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/** Counters of a server, as Prometheus reads them. */
final class Metrics {
  private final Map<Integer, LongAdder> requests = new ConcurrentSkipListMap<>();
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder generatedTokens = new LongAdder();

  void request(int status) {
    requests.computeIfAbsent(status, s -> new LongAdder()).increment();
  }

  void prompt(int tokens) {
    promptTokens.add(tokens);
  }

  void generated(int tokens) {
    generatedTokens.add(tokens);
  }

  String text(Engine engine) {
    StringBuilder text = new StringBuilder();
    head(text, "requests_total", "counter", "Requests answered, by HTTP status.");
    requests.forEach((status, count) ->
        text.append("thanora_requests_total{status=\"").append(status).append("\"} ").append(count).append('\n'));
    value(text, "prompt_tokens_total", "counter", "Tokens of prompts taken.", promptTokens.sum());
    value(text, "generated_tokens_total", "counter", "Tokens generated.", generatedTokens.sum());
    value(text, "texts_running", "gauge", "Texts being generated.", engine.running());
    value(text, "texts_waiting", "gauge", "Texts that wait.", engine.waiting());
    return text.toString();
  }

  private static void head(StringBuilder text, String name, String type, String help) {
    text.append("# HELP thanora_").append(name).append(' ').append(help)
        .append("\n# TYPE thanora_").append(name).append(' ').append(type).append('\n');
  }

  private static void value(StringBuilder text, String name, String type, String help, long value) {
    head(text, name, type, help);
    text.append("thanora_").append(name).append(' ').append(value).append('\n');
  }
}
