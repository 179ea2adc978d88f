package thanora.train;

import java.util.Collection;
import java.util.List;
import java.util.function.ToLongFunction;
import thanora.fused.FusedMemory;
import thanora.lora.AdapterForm;
import thanora.model.DecoderMemory;

/**
 * The memory of a {@link Trainer}'s step of one member, counted before anything is loaded: what lies
 * there all the time, what the forward pass keeps, and what lives for a moment.
 *
 * <p>The peak is either at the head or the last layer, when all activations are kept, or in {@link
 * AdamW}, which makes two vectors of the parameters' length, the regulariser one more, when they are
 * freed again.
 *
 * @param weights bytes of the frozen base
 * @param parameters trainable numbers
 * @param adapter bytes of them, and of what is read in their place or frozen
 * @param gradients bytes of their gradients, of those of the tasks too where they are kept apart
 * @param moments bytes of the optimiser's two moments
 * @param activations bytes that the forward pass keeps for the backward pass
 * @param moment bytes of the largest lot of tensors that live for a moment only, on top of those
 */
public record StepMemory(
    long weights, long parameters, long adapter, long gradients, long moments, long activations, long moment) {
  private static final long FLOAT = 4;

  /**
   * Counts a step.
   *
   * @param modules names of the linear layers that are adapted
   * @param apart tasks whose gradients are kept apart; 0 for none
   * @param rows of the largest micro-batch
   * @param checkpointing whether layers keep their input only and are run again
   */
  public static StepMemory of(DecoderMemory model, Collection<String> modules, AdapterForm form, int apart,
      DecoderMemory.Rows rows, boolean checkpointing) {
    List<AdapterForm.Memory> adapted = model.allLinears().stream()
        .filter(linear -> modules.contains(linear.name()))
        .map(linear -> form.memory(linear, model.dtype())).toList();
    long parameters = adapted.stream().mapToLong(AdapterForm.Memory::trained).sum();
    long held = adapted.stream().mapToLong(AdapterForm.Memory::held).sum();
    boolean whole = FusedMemory.serves(model, form);
    ToLongFunction<DecoderMemory.Linear> ofAdapter = linear -> form.memory(linear, model.dtype()).kept();
    long kept = checkpointing ? model.inputs(modules, rows) : model.kept(modules, ofAdapter, rows, whole);
    long moment = checkpointing
        ? model.ofTheMomentAgain(modules, ofAdapter, rows, whole) : model.ofTheMoment(rows, whole);
    long inLayers = whole ? FusedMemory.factors(model, modules, form, apart) : 0;
    long inOptimiser = 3 * parameters * FLOAT;
    return new StepMemory(model.weights(), parameters, parameters * FLOAT + held + inLayers,
        (1 + apart) * parameters * FLOAT, 2 * parameters * FLOAT, kept,
        Math.max(moment, inOptimiser - kept));
  }

  /** What lies there all the time. */
  public long standing() {
    return weights + adapter + gradients + moments;
  }

  /** Bytes at the worst moment. */
  public long peak() {
    return standing() + activations + moment;
  }
}
