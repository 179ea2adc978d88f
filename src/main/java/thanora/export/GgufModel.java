package thanora.export;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;
import thanora.checkpoint.Checkpoint;
import thanora.checkpoint.GgufNaming;
import thanora.checkpoint.GgufPair;
import thanora.checkpoint.GgufTarget;
import thanora.checkpoint.GgufValues;
import thanora.checkpoint.GgufWriter;
import thanora.checkpoint.OutType;
import thanora.checkpoint.Weights;
import thanora.image.SquareTiles;
import thanora.lora.Adapter;
import thanora.model.Decoder;
import thanora.tensor.DType;
import thanora.tensor.Ops;
import thanora.tensor.Tensors;

/**
 * The merged model as a GGUF file for llama.cpp, or two where it sees images: the weights of {@link MergedFolder} in
 * float32, then in the file's type; tokenizer and sizes of the base. The same model gives the same bytes.
 */
public final class GgufModel {
  private final Checkpoint base;
  private final Decoder model;
  private final Adapter adapter;
  private final GgufTarget target;
  private final GgufValues values;
  private final Optional<GgufVision> vision;
  private int count;

  /**
   * A model to be written.
   *
   * @param images how images become pixels, of a model that sees them
   * @param adapter that is merged into it
   * @throws thanora.checkpoint.CheckpointException if llama.cpp has no such model or tokenizer
   */
  public GgufModel(Checkpoint base, Decoder model, Optional<SquareTiles> images, Adapter adapter) {
    this.base = base;
    this.model = model;
    this.adapter = adapter;
    target = base.gguf();
    values = base.ggufMetadata();
    vision = images.map(processor -> new GgufVision(model, processor));
  }

  /** Puts another chat template in place of the base's. */
  public void chatTemplate(String source) {
    values.text("tokenizer.chat_template", source);
  }

  /** What is in a file: tensors by Hugging Face's names, and those of one dimension that are no weights. */
  private record Content(
      GgufNaming naming, GgufValues values, Predicate<String> tensors, Map<String, float[]> extras) {}

  /**
   * Writes the decoder, whole or not at all.
   *
   * @param type of all matrices whose rows are whole blocks of it
   * @param written receives the number of tensors written so far
   * @throws thanora.checkpoint.CheckpointException if the file cannot be written
   */
  public void write(Path file, OutType type, IntConsumer written) {
    write(file, type, new Content(target, values, target::holds, target.extras()), written);
  }

  /**
   * Writes the part that sees images, whole or not at all; its tensors are counted after the decoder's.
   *
   * @see #write
   */
  public void writeVision(Path file, OutType type, IntConsumer written) {
    GgufVision part = vision.orElseThrow();
    String name = base.source().toAbsolutePath().normalize().getFileName().toString();
    write(file, type, new Content(part, part.values(name), part.tensors()::contains, part.extras()), written);
  }

  private void write(Path file, OutType type, Content content, IntConsumer written) {
    Weights weights = base.weights();
    GgufNaming naming = content.naming;
    content.values.integer("general.file_type", type.fileType()).integer("general.quantization_version", 2);
    List<GgufWriter.Entry> entries = new ArrayList<>();
    content.extras.forEach((name, extra) ->
        entries.add(GgufWriter.Entry.of(name, OutType.F32, 0, extra.length)));
    Map<String, String> names = new LinkedHashMap<>();
    for (String name : weights.names()) {
      if (model.tensorNames().contains(name) && content.tensors.test(name)) {
        String there = naming.name(name);
        names.put(there, name);
        entries.add(GgufWriter.Entry.of(there, naming.type(there, type), naming.heads(name), weights.shape(name)));
      }
    }
    GgufWriter.write(file, content.values, entries, name -> {
      if (content.extras.containsKey(name)) {
        float[] extra = content.extras.get(name);
        return Tensors.of(extra, extra.length);
      }
      written.accept(++count);
      String known = names.get(name);
      Tensor tensor = MergedFolder.tensor(weights, adapter, known, DType.F32);
      return naming.added(known) == 0 ? tensor : Ops.addInPlace(tensor, naming.added(known));
    });
  }

  /** In what llama.cpp computes otherwise, a line each. */
  public List<String> differences() {
    return vision.map(GgufVision::differences).orElse(List.of());
  }

  /**
   * The tensors of both files of a model that sees images, by the base's names; closing them closes the files.
   *
   * @throws thanora.checkpoint.CheckpointException if a file is none of this model
   */
  public static Weights read(Checkpoint base, Decoder model, SquareTiles processor, Path decoder, Path vision) {
    return GgufPair.open(decoder, base.gguf(), vision, new GgufVision(model, processor));
  }
}
