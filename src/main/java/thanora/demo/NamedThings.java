package thanora.demo;

import static thanora.demo.DemoTasks.pick;

import java.util.Random;

/** One drawing, to its name. */
final class NamedThings {
  private NamedThings() {}

  static DemoImages.Row draw(Random random) {
    String name = pick(random, Pictograms.names().toArray(new String[0]));
    Picture picture = new Picture(Palette.background(random));
    double half = 17 + 13 * random.nextDouble();
    double room = Picture.SIDE / 2.0 - half;
    Picture.Place place = new Picture.Place(
        Picture.SIDE / 2.0 + room * (2 * random.nextDouble() - 1),
        Picture.SIDE / 2.0 + room * (2 * random.nextDouble() - 1),
        half * (0.85 + 0.15 * random.nextDouble()), half * (0.85 + 0.15 * random.nextDouble()),
        0.3 * (random.nextDouble() - 0.5));
    Pictograms.draw(picture, name, place, Palette.varied(random, Palette.name(random)));
    return new DemoImages.Row("thing?", name, picture);
  }
}
