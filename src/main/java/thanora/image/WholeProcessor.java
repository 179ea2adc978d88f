package thanora.image;

import java.util.List;

/**
 * CLIPImageProcessor, LlavaImageProcessor and SiglipImageProcessor: an image becomes one tile.
 *
 * @param background colour of the square in whose middle it is first put; empty if it is not
 * @param resized to what size; null if it is not
 * @param filter of that
 * @param tile height and width of the tile, which is cut from the middle
 * @param normaliser of its values
 */
record WholeProcessor(
    List<Integer> background, ImageSize resized, Resampling filter, int tile, Normaliser normaliser)
    implements SquareTiles {
  /** CLIPImageProcessor's fields. */
  static WholeProcessor clip(ProcessorFields fields) {
    return of(unpadded(fields), List.of(), ImageSize.shortestEdge(224), true,
        Normaliser.of(fields, Normaliser.CLIP_MEAN, Normaliser.CLIP_DEVIATION));
  }

  /** LlavaImageProcessor's fields: those of CLIP, and do_pad. */
  static WholeProcessor llava(ProcessorFields fields) {
    List<Integer> mean =
        fields.channels("image_mean", Normaliser.CLIP_MEAN).stream().map(value -> (int) (value * 255)).toList();
    return of(fields, fields.flag("do_pad", false) ? mean : List.of(), ImageSize.shortestEdge(224), true,
        Normaliser.of(fields, Normaliser.CLIP_MEAN, Normaliser.CLIP_DEVIATION));
  }

  /** SiglipImageProcessor's fields. */
  static WholeProcessor siglip(ProcessorFields fields) {
    return of(unpadded(fields), List.of(), ImageSize.exactly(224, 224), false,
        Normaliser.of(fields, Normaliser.HALF, Normaliser.HALF));
  }

  private static ProcessorFields unpadded(ProcessorFields fields) {
    fields.require("pad_size", !fields.flag("do_pad", false) || !fields.has("pad_size"),
        "absent, since only LlavaImageProcessor pads images here");
    return fields;
  }

  private static WholeProcessor of(
      ProcessorFields fields, List<Integer> background, ImageSize size, boolean crops, Normaliser normaliser) {
    ImageSize resized = fields.flag("do_resize", true)
        ? fields.size("size", fields.flag("default_to_square", false), size) : null;
    fields.require("size", resized == null || resized.longestEdge() == 0 || resized.shortestEdge() > 0,
        "height and width, or shortest_edge");
    if (fields.flag("do_center_crop", crops)) {
      ImageSize crop = fields.size("crop_size", true, ImageSize.exactly(224, 224));
      fields.require("crop_size", crop.isSquare(), "square, since the tower reads square tiles here");
      return new WholeProcessor(background, resized, fields.resample(Resampling.BICUBIC), crop.height(), normaliser);
    }
    fields.require("size", resized != null && resized.isSquare(),
        "of equal height and width where do_center_crop is false, since the tower reads square tiles here");
    return new WholeProcessor(background, resized, fields.resample(Resampling.BICUBIC), resized.height(), normaliser);
  }

  @Override
  public Layout layout(ImageSource image) {
    ImageHeader.of(image.name(), image.bytes());
    return Layout.WHOLE;
  }

  @Override
  public Pixels pixels(ImageSource source) {
    Rgb image = ImageDecoder.decode(source);
    if (!background.isEmpty()) {
      int edge = Math.max(image.width(), image.height());
      image = inSquare(image, checked(new Size(edge, edge), source, image));
    }
    if (resized != null) {
      image = filter.resize(image, checked(resized.of(image.size()), source, image));
    }
    float[] values = new float[3 * tile * tile];
    normaliser.put(image.centred(tile, tile), 0, 0, tile, values, 0);
    return new Pixels(Layout.WHOLE, tile, values);
  }

  private static Size checked(Size wanted, ImageSource source, Rgb image) {
    if (wanted.isTooLarge()) {
      throw new ImageException(source.name() + " is " + image.size()
          + " pixels, so long that the processor would make it " + wanted + "; cut it");
    }
    return wanted;
  }

  private Rgb inSquare(Rgb image, Size size) {
    Rgb square = Rgb.black(size.width(), size.height());
    for (int i = 0; i < square.values().length; i++) {
      square.values()[i] = background.get(i % 3).byteValue();
    }
    square.put(image, (size.width() - image.width()) / 2, (size.height() - image.height()) / 2);
    return square;
  }

  @Override
  public String signature() {
    return toString();
  }
}
