package thanora.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import thanora.tensor.Tensors;

/** The cases of golden/method/fixtures.json: expected float64 values, computed in numpy. */
public record MethodFixtures(String name, JsonNode json) {
  public static Stream<MethodFixtures> all() {
    try (InputStream in =
        MethodFixtures.class.getResourceAsStream("/golden/method/fixtures.json")) {
      List<MethodFixtures> cases = new ArrayList<>();
      for (JsonNode json : new ObjectMapper().readTree(in).get("cases")) {
        cases.add(new MethodFixtures(json.get("name").asText(), json));
      }
      return cases.stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public int integer(String field) {
    return json.get(field).asInt();
  }

  public double number(String field) {
    return json.get(field).asDouble();
  }

  public double[] values(String path) {
    return values(at(path));
  }

  public static double[] values(JsonNode node) {
    List<Double> values = new ArrayList<>();
    collect(node, values);
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  public JsonNode at(String path) {
    return json.at("/" + path);
  }

  /** A matrix, float64. */
  public Tensor matrix(String path) {
    return matrix(at(path));
  }

  public static Tensor matrix(JsonNode node) {
    return Tensors.of(values(node), node.size(), node.get(0).size());
  }

  public Blocks blocks() {
    double[] ranks = values("ranks");
    int[] taskRanks = new int[ranks.length];
    for (int i = 0; i < taskRanks.length; i++) {
      taskRanks[i] = (int) ranks[i];
    }
    return new Blocks(taskRanks, integer("r_coop"));
  }

  @Override
  public String toString() {
    return name;
  }

  private static void collect(JsonNode node, List<Double> into) {
    if (node.isArray()) {
      node.forEach(child -> collect(child, into));
    } else {
      into.add(node.asDouble());
    }
  }
}
