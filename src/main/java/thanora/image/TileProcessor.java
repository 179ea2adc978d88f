package thanora.image;

/**
 * Idefics3ImageProcessor and SmolVLMImageProcessor: an image is made larger until square tiles of one size fill it,
 * cut into them, and the whole of it comes last, as small as a tile.
 *
 * @param resized to what size first; null if it is not
 * @param filter of all resizing
 * @param split whether it is cut; if not, the whole image is one tile
 * @param tile height and width of a tile
 * @param normaliser of its values
 */
record TileProcessor(ImageSize resized, Resampling filter, boolean split, int tile, Normaliser normaliser)
    implements SquareTiles {
  /** transformers makes no image larger than this before it is cut. */
  private static final int MAX_EDGE = 4096;

  /** The fields of a file. */
  static TileProcessor of(ProcessorFields fields) {
    ImageSize resized =
        fields.flag("do_resize", true) ? fields.size("size", true, ImageSize.longestEdge(4 * 364)) : null;
    fields.require("size", resized == null || resized.shortestEdge() == 0 && resized.maxHeight() == 0,
        "longest_edge, or height and width");
    ImageSize tile = fields.size("max_image_size", false, ImageSize.longestEdge(364));
    fields.require("max_image_size", tile.longestEdge() > 0, "longest_edge, the height and width of a tile");
    return new TileProcessor(resized, fields.resample(Resampling.LANCZOS), fields.flag("do_image_splitting", true),
        tile.longestEdge(), Normaliser.of(fields, Normaliser.HALF, Normaliser.HALF));
  }

  @Override
  public Layout layout(ImageSource image) {
    ImageHeader header = ImageHeader.of(image.name(), image.bytes());
    return layout(tiled(first(header.upright())));
  }

  private Layout layout(Size tiled) {
    boolean whole = !split || tiled.width() <= tile && tiled.height() <= tile;
    return whole ? Layout.WHOLE : new Layout(tiled.height() / tile, tiled.width() / tile);
  }

  @Override
  public Pixels pixels(ImageSource source) {
    Rgb image = ImageDecoder.decode(source);
    Size first = first(image.size());
    image = filter.resize(image, first);
    if (split) {
      image = filter.resize(image, tiled(first));
    }
    Layout layout = layout(image.size());
    int length = 3 * tile * tile;
    float[] values = new float[layout.tiles() * length];
    for (int i = 0; i < layout.tiles() - 1; i++) {
      normaliser.put(image, i % layout.columns() * tile, i / layout.columns() * tile, tile, values, i * length);
    }
    normaliser.put(filter.resize(image, new Size(tile, tile)), 0, 0, tile, values, values.length - length);
    return new Pixels(layout, tile, values);
  }

  private Size first(Size size) {
    if (resized == null) {
      return size;
    }
    return resized.longestEdge() > 0 ? below(scaled(size, resized.longestEdge())) : resized.of(size);
  }

  /** The longer edge as long as given, the other even. */
  private static Size scaled(Size size, int edge) {
    double aspect = (double) size.width() / size.height();
    return size.width() >= size.height()
        ? new Size(edge, Math.max(1, even((int) (edge / aspect))))
        : new Size(Math.max(1, even((int) (edge * aspect))), edge);
  }

  private static int even(int length) {
    return length + length % 2;
  }

  private static Size below(Size size) {
    double aspect = (double) size.width() / size.height();
    if (size.width() >= size.height() && size.width() > MAX_EDGE) {
      return new Size(MAX_EDGE, Math.max(1, (int) (MAX_EDGE / aspect)));
    }
    if (size.height() > size.width() && size.height() > MAX_EDGE) {
      return new Size(Math.max(1, (int) (MAX_EDGE * aspect)), MAX_EDGE);
    }
    return size;
  }

  /** The next larger size that tiles fill. */
  private Size tiled(Size size) {
    double aspect = (double) size.width() / size.height();
    if (size.width() >= size.height()) {
      int width = filled(size.width());
      return new Size(width, filled((int) (width / aspect)));
    }
    int height = filled(size.height());
    return new Size(filled((int) (height * aspect)), height);
  }

  private int filled(int length) {
    return (length + tile - 1) / tile * tile;
  }

  @Override
  public int longestEdge() {
    return !split || resized == null ? 0 : resized.longestEdge();
  }

  @Override
  public String signature() {
    return toString();
  }
}
