package thanora.method;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import thanora.data.Sample;
import thanora.hasi.HasiConfig;
import thanora.hasi.Moments;
import thanora.hasi.PreviewPass;
import thanora.hasi.RankPlan;
import thanora.lora.Adapter;
import thanora.lora.AdapterForm;
import thanora.lora.LoraAdapter;
import thanora.tensor.TensorScope;

/**
 * CorDA, instruction-previewed: LoRA that starts from the leading left singular vectors of W C, with C
 * the second moment of the inputs over the preview rows of all tasks together; {@link CordaStart} has
 * the formula.
 */
public record Corda() implements AdapterMethod {
  @Override
  public AdapterForm form(Setting setting) {
    return FrozenStart.form(setting);
  }

  @Override
  public Optional<RankPlan> start(Setting setting, Adapter adapter, int member) {
    HasiConfig.Preview options = HasiConfig.thanora().preview().withNormalisation(Moments.Normalisation.CORDA);
    List<Sample> rows = setting.previewRows().stream().flatMap(List::stream)
        .map(row -> new Sample(0, row.row(), row.ids(), row.trained(), row.images())).toList();
    new PreviewPass(setting.model(), options, Set.copyOf(setting.modules())).run(List.of(rows), (layer, inputs) -> {
      for (PreviewPass.SharedInput input : inputs) {
        try (TensorScope scope = TensorScope.open()) {
          Tensor moment = input.byTask().get(0).normalised(0);
          for (String module : input.modules()) {
            ((LoraAdapter) adapter).set(module, member, CordaStart.start(
                setting.model().projection(module).weight(), setting.r(), setting.scaling(), moment));
          }
        }
      }
      setting.layersDone().accept(layer + 1);
    });
    return Optional.empty();
  }
}
