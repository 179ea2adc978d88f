import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import thanora.LoadedModel;
import thanora.NamedAdapters;
import thanora.Recipe;
import thanora.model.Prompt;
import thanora.model.Sampling;
import thanora.serve.Engine;
import thanora.serve.Order;
import thanora.serve.Piece;
import thanora.serve.Ticket;

/**
 * Lets a base and an adapter on it answer the same question in one batch, and shows the answers as they
 * are made.
 *
 * <p>Arguments: MODEL ADAPTER QUESTION
 */
public class AskSideBySide {
  public static void main(String[] args) throws InterruptedException {
    LoadedModel base = LoadedModel.load(args[0], "auto", Recipe.Dtype.AUTO, 0);
    try (NamedAdapters models = NamedAdapters.open(base, "base", Map.of("trained", Path.of(args[1])));
        Engine engine = new Engine(models, 2, 0)) {
      int[] prompt = base.format().prompt(args[2]);
      Order plain = Order.greedy(0, prompt, 8);
      Order drawn = new Order(1, new Prompt(prompt), 8, Sampling.of(0.7, 0.95), 42, List.of("\n"), -1);
      try (Ticket ticket = engine.submit(List.of(plain, drawn), 60)) {
        while (!ticket.done()) {
          Piece piece = ticket.poll(60_000);
          System.out.println(models.names().get(piece.index()) + ": " + piece.text());
        }
      }
    }
  }
}
