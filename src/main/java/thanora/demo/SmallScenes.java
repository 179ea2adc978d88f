package thanora.demo;

import static thanora.demo.DemoTasks.pick;

import java.util.Random;

/** Two things: yes or no to how they lie, or to whether a thing of a colour is there. */
final class SmallScenes {
  private static final String[] THINGS = {"ball", "box", "star", "heart", "cup", "moon"};
  private static final String[] SIDES = {"left of", "right of", "above", "below"};

  private SmallScenes() {}

  static DemoImages.Row draw(Random random) {
    String first = pick(random, THINGS);
    String second = pick(random, THINGS);
    while (second.equals(first)) {
      second = pick(random, THINGS);
    }
    String colour = Palette.name(random);
    int side = random.nextInt(SIDES.length);
    Picture picture = drawn(random, first, colour, second, side);
    boolean yes = random.nextBoolean();
    String question;
    if (random.nextBoolean()) {
      int asked = yes ? side : side ^ 1;
      question = "is the " + first + " " + SIDES[asked] + " the " + second + "?";
    } else {
      String asked = yes ? colour : otherColour(random, colour);
      question = "is there " + (asked.equals("orange") ? "an " : "a ") + asked + " " + first + "?";
    }
    return new DemoImages.Row(question, yes ? "yes" : "no", picture);
  }

  /** The first thing at a side of the second, by more than they differ along the other axis. */
  private static Picture drawn(Random random, String first, String colour, String second, int side) {
    Picture picture = new Picture(Palette.background(random));
    double apart = (12 + 4 * random.nextDouble()) * (side % 2 == 0 ? -1 : 1);
    double aside = 6 * (2 * random.nextDouble() - 1);
    double x = side < 2 ? apart : aside;
    double y = side < 2 ? aside : apart;
    double half = Picture.SIDE / 2.0;
    Pictograms.draw(picture, first, Picture.Place.upright(half + x, half + y, 10 + 4 * random.nextDouble()),
        Palette.varied(random, colour));
    Pictograms.draw(picture, second, Picture.Place.upright(half - x, half - y, 10 + 4 * random.nextDouble()),
        Palette.varied(random, Palette.name(random)));
    return picture;
  }

  private static String otherColour(Random random, String colour) {
    String other = Palette.name(random);
    while (other.equals(colour)) {
      other = Palette.name(random);
    }
    return other;
  }
}
