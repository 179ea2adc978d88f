package thanora.image;

import java.util.List;

/**
 * What becomes of a value of 8 bits: a product, then less a mean and divided by a deviation, in float32.
 *
 * @param factor 1 where values are not rescaled
 * @param mean of each channel; 0 where values are not normalised
 * @param deviation of each channel; 1 where values are not normalised
 */
public record Normaliser(double factor, List<Double> mean, List<Double> deviation) {
  static final List<Double> CLIP_MEAN = List.of(0.48145466, 0.4578275, 0.40821073);
  static final List<Double> CLIP_DEVIATION = List.of(0.26862954, 0.26130258, 0.27577711);
  static final List<Double> HALF = List.of(0.5, 0.5, 0.5);
  private static final List<Double> ZERO = List.of(0.0, 0.0, 0.0);
  private static final List<Double> ONE = List.of(1.0, 1.0, 1.0);

  /** The fields do_rescale, rescale_factor, do_normalize, image_mean and image_std. */
  static Normaliser of(ProcessorFields fields, List<Double> mean, List<Double> deviation) {
    double factor = fields.flag("do_rescale", true) ? fields.real("rescale_factor", 1 / 255.0) : 1;
    if (!fields.flag("do_normalize", true)) {
      return new Normaliser(factor, ZERO, ONE);
    }
    List<Double> given = fields.channels("image_std", deviation);
    fields.require("image_std", given.stream().allMatch(value -> value > 0), "more than 0");
    return new Normaliser(factor, fields.channels("image_mean", mean), given);
  }

  /** Puts a square of an image as (3, size, size) floats. */
  void put(Rgb image, int left, int top, int size, float[] to, int at) {
    for (int channel = 0; channel < 3; channel++) {
      float[] table = table(channel);
      for (int y = 0; y < size; y++) {
        int from = image.at(left, top + y) + channel;
        for (int x = 0; x < size; x++, from += 3) {
          to[at++] = table[image.values()[from] & 0xff];
        }
      }
    }
  }

  private float[] table(int channel) {
    float centre = mean.get(channel).floatValue();
    float spread = deviation.get(channel).floatValue();
    float[] table = new float[256];
    for (int i = 0; i < table.length; i++) {
      table[i] = ((float) (i * factor) - centre) / spread;
    }
    return table;
  }
}
