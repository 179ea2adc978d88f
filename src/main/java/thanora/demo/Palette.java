package thanora.demo;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** The colours of the demo's pictures, by the names that its questions use. */
final class Palette {
  static final Map<String, Integer> COLOURS = colours();
  static final int INK = 0x282828;

  private Palette() {}

  private static Map<String, Integer> colours() {
    Map<String, Integer> colours = new LinkedHashMap<>();
    colours.put("red", 0xd22d2d);
    colours.put("blue", 0x2d55d2);
    colours.put("green", 0x2d9b3c);
    colours.put("yellow", 0xf0cd1e);
    colours.put("orange", 0xf08c28);
    colours.put("purple", 0x8c37aa);
    return colours;
  }

  static String name(Random random) {
    return DemoTasks.pick(random, COLOURS.keySet().toArray(new String[0]));
  }

  /** The colour a little lighter, darker or shifted. */
  static int varied(Random random, String name) {
    return near(random, COLOURS.get(name), 14);
  }

  /** White, or a light tint. */
  static int background(Random random) {
    return random.nextInt(3) == 0 ? 0xffffff : near(random, 0xebebeb, 18);
  }

  private static int near(Random random, int colour, int most) {
    int changed = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
      int value = (colour >> shift & 255) + random.nextInt(2 * most + 1) - most;
      changed |= Math.max(0, Math.min(255, value)) << shift;
    }
    return changed;
  }
}
