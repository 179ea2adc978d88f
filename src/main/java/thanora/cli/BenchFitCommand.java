package thanora.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import thanora.data.Batch;
import thanora.data.Sample;
import thanora.model.Decoder;
import thanora.tensor.Seeds;
import thanora.tensor.Threads;
import thanora.train.Trainer;

/** Looks for the largest batch that trains, as bench/peft_step.py --fit does for PEFT. */
@Command(
    name = "bench-fit",
    hidden = true,
    description = {
      "The most rows of --length tokens whose training step fits the GPU's memory: doubled until one does not,"
          + " then halved between. Random weights and tokens, plain LoRA on all linear layers."
    })
final class BenchFitCommand implements Callable<Integer> {
  @Option(names = "--config", required = true, paramLabel = "FILE", description = "A config.json.")
  private Path config = Path.of("");

  @Option(names = "--length", paramLabel = "N", description = "Tokens a row; ${DEFAULT-VALUE}.")
  private int length = 1024;

  @Option(names = "--rank", paramLabel = "N", description = "LoRA rank; ${DEFAULT-VALUE}.")
  private int rank = 16;

  @Option(names = "--first", paramLabel = "N", description = "Rows to begin with; ${DEFAULT-VALUE}.")
  private int first = 4;

  @Option(names = "--most", paramLabel = "N", description = "Rows to end with; ${DEFAULT-VALUE}.")
  private int most = 256;

  @Option(names = "--refine", paramLabel = "N", description = "Halvings after the doubling; ${DEFAULT-VALUE}.")
  private int refine = 2;

  @Option(names = "--checkpointing", description = "Layers keep their input only and are run again, a slice of the rows at a time.")
  private boolean checkpointing = false;

  @Option(names = "--device", paramLabel = "NAME", description = "cpu or cuda:0; ${DEFAULT-VALUE}.")
  private String device = "cuda";

  @Mixin private OutputOptions output;

  @Override
  public Integer call() throws IOException {
    if (first < 1 || most < first || length < 2 || rank < 1 || refine < 0) {
      throw new IllegalArgumentException(
          "--first and --rank are 1 or more, --most at least --first, --length 2 or more, --refine 0 or more");
    }
    Threads.use(Runtime.getRuntime().availableProcessors());
    int fits = search(RandomWeights.load(config, device));
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("rows", fits);
    result.put("length", length);
    output.result(result, fits + " rows of " + length + " tokens");
    return 0;
  }

  private int search(Decoder model) {
    BenchAdapter made = BenchAdapter.attach(model, BenchAdapter.Method.LORA, rank, 1);
    Trainer trainer = made.trainer(model, first, 1000, checkpointing);
    int vocabulary = model.config().vocabulary();
    int fits = 0;
    int fails = 0;
    for (int rows = first; rows <= most && fails == 0; rows *= 2) {
      if (trains(trainer, rows, vocabulary)) {
        fits = rows;
      } else {
        fails = rows;
      }
    }
    for (int i = 0; i < refine && fails - fits > 1; i++) {
      int rows = (fits + fails) / 2;
      if (trains(trainer, rows, vocabulary)) {
        fits = rows;
      } else {
        fails = rows;
      }
    }
    return fits;
  }

  private boolean trains(Trainer trainer, int rows, int vocabulary) {
    Random random = Seeds.stream(rows, "bench fit");
    List<Sample> samples = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      samples.add(new Sample(0, row, random.ints(length, 0, vocabulary).toArray(), 0));
    }
    boolean trained = true;
    try {
      trainer.step(List.of(Batch.of(samples, 1)), 1, BenchAdapter.LEARNING_RATE);
    } catch (RuntimeException e) {
      if (!String.valueOf(e.getMessage()).contains("out of memory")) {
        throw e;
      }
      trained = false;
    }
    output.note(rows + " rows " + (trained ? "fit" : "do not fit"));
    return trained;
  }
}
