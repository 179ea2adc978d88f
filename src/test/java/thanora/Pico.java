package thanora;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.GgufFile;
import thanora.checkpoint.SafetensorsFile;
import thanora.checkpoint.Weights;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.model.Decoder;
import thanora.model.ModelConfig;
import thanora.model.TokenBatch;
import thanora.tensor.DType;
import thanora.tensor.NoGrad;
import thanora.tensor.Placement;
import thanora.tensor.Tensors;

/**
 * The tiny checkpoints of scripts/golden/make_models.py, read by the real loader, and their three
 * sequences, each the row of a task of its own.
 */
public final class Pico {
  /** Vocabulary of every one of them. */
  public static final int VOCABULARY = 96;

  private static final Placement INTEGERS = new Placement("cpu", DType.I64);

  private Pico() {}

  /** Names of all of them. */
  public static Stream<String> models() throws IOException {
    try (Stream<Path> folders = Files.list(Golden.path("models"))) {
      return folders.map(p -> p.getFileName().toString()).sorted().toList().stream();
    }
  }

  /** Names of those that have an adapter of PEFT's. */
  public static Stream<String> modelsWithAdapter() throws IOException {
    return models().filter(name -> !name.endsWith("-legacy"));
  }

  /** The folder of one. */
  public static Path folder(String name) {
    return Golden.path("models/" + name);
  }

  /** A copy of one with a tokenizer of its vocabulary. */
  public static Path withTokenizer(String name, Path copy) throws IOException {
    return withTokenizer(folder(name), copy);
  }

  static Path withTokenizer(Path folder, Path copy) throws IOException {
    Files.createDirectories(copy);
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, copy.resolve(file.getFileName()));
      }
    }
    try (GgufFile tokens = GgufFile.open(Golden.path("gguf/tiny-llama.gguf"))) {
      Files.writeString(copy.resolve("tokenizer.json"), tokens.tokenizerJson());
    }
    return copy;
  }

  /** Loads one in float32. */
  public static Decoder load(String name) {
    return load(folder(name), Placement.CPU_F32);
  }

  /** Loads one. */
  public static Decoder load(String name, DType dtype) {
    return load(folder(name), new Placement("cpu", dtype));
  }

  /** Loads a folder. */
  public static Decoder load(Path folder, Placement placement) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Decoder.load(
          ModelConfig.from(checkpoint.config()), checkpoint.weights(), placement);
    }
  }

  /** What transformers and PEFT compute. */
  public static SafetensorsFile expected(String name) {
    return SafetensorsFile.open(Golden.path("models/" + name + "/expected.safetensors"));
  }

  /** The three sequences: tasks 0, 1 and 2. */
  public static List<Sample> samples(Weights expected) {
    List<Sample> rows = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      long[] labels = Tensors.longs(expected.load("labels_" + i, INTEGERS));
      int first = 0;
      while (labels[first] == -100) {
        first++;
      }
      rows.add(new Sample(i, i, ids(expected, i), first));
    }
    return rows;
  }

  /** The three sequences of a model. */
  public static List<Sample> samples(String name) {
    try (SafetensorsFile expected = expected(name)) {
      return samples(expected);
    }
  }

  /** Tokens of one sequence. */
  public static int[] ids(Weights expected, int i) {
    return Arrays.stream(Tensors.longs(expected.load("ids_" + i, INTEGERS)))
        .mapToInt(Math::toIntExact).toArray();
  }

  /** The three sequences as a batch. */
  public static Batch batch(String name) {
    return Batch.of(samples(name), 3);
  }

  /** A batch as the decoder takes it. */
  public static TokenBatch tokens(Batch batch) {
    return TokenBatch.of(batch, "cpu");
  }

  /** Logits of a batch, without graph. */
  public static Tensor logits(Decoder model, Batch batch) {
    try (NoGrad off = NoGrad.open()) {
      return model.logits(model.hidden(tokens(batch)));
    }
  }
}
