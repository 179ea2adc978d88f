package thanora.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import thanora.HubNames;

@Command(
    name = "download",
    description = {
      "Fetches a model or a data set of the Hugging Face hub into the cache that huggingface_hub uses, for"
          + " use by name later, also without a network. Training fetches by itself what it needs."
    },
    footer = {
      "",
      "HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE count as for other tools.",
      "Example: thanora download HuggingFaceTB/SmolLM2-135M-Instruct",
      "         thanora download --dataset openai/gsm8k --config main"
    })
final class DownloadCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "NAME",
      description = "ORG/NAME, ORG/NAME@REVISION, or ORG/NAME/FILE.gguf for one file.")
  private String name;

  @Option(names = "--dataset", description = "NAME is a data set; all its splits are fetched.")
  private boolean dataset;

  @Option(names = "--config", paramLabel = "CONFIG", description = "A configuration of the data set.")
  private Optional<String> config = Optional.empty();

  @Mixin private OutputOptions output;

  @Override
  public Integer call() {
    if (config.isPresent() && !dataset) {
      throw new IllegalArgumentException("--config is of a data set; give --dataset, too");
    }
    try (StopSignals signals = StopSignals.take(output.err()); RunDisplay display = new RunDisplay(output)) {
      HubNames.Fetched fetched =
          dataset ? HubNames.fetchDataset(name, config, display) : HubNames.fetchModel(name, display);
      display.close();
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("name", fetched.name());
      result.put("path", fetched.path().toString());
      output.result(result, fetched.path().toString());
    }
    return 0;
  }
}
