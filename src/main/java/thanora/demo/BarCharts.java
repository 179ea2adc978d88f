package thanora.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Bars of different colours before lines of equal distance: which is the highest, or what a bar stands at. */
final class BarCharts {
  private static final int MOST = 9;
  private static final int GROUND = 60;
  private static final int UNIT = 6;
  private static final int LINE = 0xc8c8c8;

  private BarCharts() {}

  static DemoImages.Row draw(Random random) {
    List<String> names = new ArrayList<>(Palette.COLOURS.keySet());
    Collections.shuffle(names, random);
    int bars = 3 + random.nextInt(2);
    List<Integer> values = new ArrayList<>();
    for (int value = 1; value <= MOST; value++) {
      values.add(value);
    }
    Collections.shuffle(values, random);
    Picture picture = new Picture(0xffffff);
    for (int value = 1; value <= MOST; value++) {
      int y = GROUND - UNIT * value;
      picture.box(2, y - 0.25, 62, y + 0.25, LINE);
    }
    double step = 60.0 / bars;
    double width = step * (0.45 + 0.35 * random.nextDouble());
    for (int i = 0; i < bars; i++) {
      double middle = 2 + step * (i + 0.5);
      picture.box(middle - width / 2, GROUND - UNIT * values.get(i), middle + width / 2, GROUND,
          Palette.varied(random, names.get(i)));
    }
    picture.box(1, GROUND, 63, GROUND + 1, Palette.INK);
    if (random.nextBoolean()) {
      int highest = values.indexOf(Collections.max(values.subList(0, bars)));
      return new DemoImages.Row("highest bar?", names.get(highest), picture);
    }
    int asked = random.nextInt(bars);
    return new DemoImages.Row("value of " + names.get(asked) + "?", values.get(asked).toString(), picture);
  }
}
