package thanora.demo;

import static thanora.demo.DemoTasks.pick;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Shapes of a few kinds: how many of a kind, or which of two kinds is there more often. */
final class CountedShapes {
  private static final Map<String, Region> KINDS = Map.of(
      "circles", Region.circle(0, 0, 0.95),
      "squares", Region.box(-0.85, -0.85, 0.85, 0.85),
      "triangles", Region.polygon(0, -0.95, 0.95, 0.8, -0.95, 0.8),
      "stars", Region.star(5, 1, 0.42));

  private static final String[] NAMES = {"circles", "squares", "triangles", "stars"};

  private CountedShapes() {}

  static DemoImages.Row draw(Random random) {
    String kind = pick(random, NAMES);
    String other = pick(random, NAMES);
    while (other.equals(kind)) {
      other = pick(random, NAMES);
    }
    int count = random.nextInt(6);
    int others = random.nextInt(10 - count - 3) + (count == 0 ? 1 : 0);
    boolean compare = count != others && random.nextInt(3) == 0;
    Picture picture = drawn(random, kind, count, other, others);
    return compare
        ? new DemoImages.Row("more " + kind + " or " + other + "?", count > others ? kind : other, picture)
        : new DemoImages.Row("how many " + kind + "?", Integer.toString(count), picture);
  }

  /** In cells of three by three, so that shapes do not touch. */
  private static Picture drawn(Random random, String kind, int count, String other, int others) {
    Picture picture = new Picture(Palette.background(random));
    List<Integer> cells = new ArrayList<>();
    for (int i = 0; i < count + others; i++) {
      int cell = random.nextInt(9);
      while (cells.contains(cell)) {
        cell = random.nextInt(9);
      }
      cells.add(cell);
      double half = 5.5 + 3.5 * random.nextDouble();
      double x = 11 + 21 * (cell % 3) + 3 * (random.nextDouble() - 0.5);
      double y = 11 + 21 * (cell / 3) + 3 * (random.nextDouble() - 0.5);
      picture.fill(KINDS.get(i < count ? kind : other), Picture.Place.upright(x, y, half),
          Palette.varied(random, Palette.name(random)));
    }
    return picture;
  }
}
