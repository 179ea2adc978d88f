package thanora.demo;

import java.util.Random;

/** Sums of two numbers of two or three digits. */
final class Sums {

  private Sums() {}

  static DemoTasks.Row draw(Random random) {
    int a = 10 + random.nextInt(290);
    int b = 10 + random.nextInt(290);
    return new DemoTasks.Row(a + "+" + b, Integer.toString(a + b));
  }
}
