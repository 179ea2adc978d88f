package thanora;

import java.nio.file.Path;
import java.util.Optional;
import thanora.model.VisionConfig;

/**
 * What a recipe says of images; of no effect with a model of text alone.
 *
 * @param freezeVisionTower no adapters in the vision tower
 * @param freezeMultiModalProjector none in the projector
 * @param freezeLanguageModel none in the decoder
 * @param cache where what a frozen tower gives of an image is kept from one epoch and run to the next: {@code auto}
 *     is the user's cache folder, {@code off} nowhere
 */
public record ImageOptions(
    boolean freezeVisionTower, boolean freezeMultiModalProjector, boolean freezeLanguageModel, String cache) {
  private static final String AUTO = "auto";
  private static final String OFF = "off";

  /** The defaults. */
  public static ImageOptions defaults() {
    return new ImageOptions(true, true, false, AUTO);
  }

  /** Reads the section; what is missing is default. */
  static ImageOptions read(RecipeValues images) {
    ImageOptions d = defaults();
    return new ImageOptions(
        images.flag("freeze_vision_tower", d.freezeVisionTower),
        images.flag("freeze_multi_modal_projector", d.freezeMultiModalProjector),
        images.flag("freeze_language_model", d.freezeLanguageModel),
        images.text("cache", d.cache));
  }

  /** Whether a linear layer may have an adapter. */
  boolean trains(String module, VisionConfig vision) {
    return vision.isOfTower(module) ? !freezeVisionTower
        : vision.isOfConnector(module) ? !freezeMultiModalProjector : !freezeLanguageModel;
  }

  /** The folder of the cache; none where nothing is kept. */
  Optional<Path> cacheFolder() {
    if (cache.equals(OFF) || !freezeVisionTower) {
      return Optional.empty();
    }
    if (!cache.equals(AUTO)) {
      return Optional.of(Path.of(cache));
    }
    String home = System.getenv("XDG_CACHE_HOME");
    Path base = home == null || home.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(home);
    return Optional.of(base.resolve("thanora").resolve("images"));
  }
}
