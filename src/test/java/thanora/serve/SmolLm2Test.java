package thanora.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import thanora.LoadedModel;
import thanora.NamedAdapters;
import thanora.Recipe;
import thanora.SmolLm2;
import thanora.TrainedModel;

/** The engine on a real model: answers together are those alone. */
@Tag("slow")
class SmolLm2Test {
  private static final List<String> QUESTIONS = List.of(
      "What is the capital of France?", "Count from one to ten in German.", "Write a line with three emojis.");

  @Test
  void answersOfABatchAreThoseAlone() throws Exception {
    Path gguf;
    try (Stream<Path> files = Files.list(SmolLm2.folder())) {
      gguf = files.filter(file -> file.toString().endsWith(".gguf")).findFirst().orElseThrow();
    }
    LoadedModel model = LoadedModel.load(gguf.toString(), "cpu", Recipe.Dtype.FLOAT32, 0);
    NamedAdapters models = NamedAdapters.open(model, "base", Map.of());
    try (TrainedModel alone = TrainedModel.open(model, Optional.empty());
        Engine engine = new Engine(models, 2, 4)) {
      List<Order> orders = QUESTIONS.stream().map(q -> Order.greedy(0, model.format().prompt(q), 24)).toList();
      List<StringBuilder> texts = new ArrayList<>();
      QUESTIONS.forEach(question -> texts.add(new StringBuilder()));
      try (Ticket ticket = engine.submit(orders, 600)) {
        while (!ticket.done()) {
          Piece piece = ticket.poll(600_000);
          texts.get(piece.index()).append(piece.text());
        }
      }
      for (int i = 0; i < texts.size(); i++) {
        assertThat(texts.get(i)).as(QUESTIONS.get(i)).hasToString(alone.answer(QUESTIONS.get(i), 24));
      }
    }
  }
}
