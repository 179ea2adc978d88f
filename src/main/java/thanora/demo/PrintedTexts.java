package thanora.demo;

import static thanora.demo.DemoTasks.pick;

import java.util.Locale;
import java.util.Random;

/** A short word or a number in print, to itself. */
final class PrintedTexts {
  private static final String[] WORDS = {
    "apple", "army", "bird", "boat", "bread", "chair", "cloud", "coat", "door", "dream", "field", "fish", "gold",
    "hand", "horse", "ice", "iron", "joy", "judge", "king", "knee", "lake", "lion", "moon", "mouse", "night",
    "north", "oil", "owl", "paper", "pen", "queen", "rain", "river", "sea", "song", "table", "tree", "voice",
    "water", "wind", "year", "youth"
  };

  private PrintedTexts() {}

  static DemoImages.Row draw(Random random) {
    boolean number = random.nextBoolean();
    int digits = 1 + random.nextInt(4);
    int low = digits == 1 ? 0 : (int) Math.round(StrictMath.pow(10, digits - 1));
    String text = number
        ? Integer.toString(low + random.nextInt((int) Math.round(StrictMath.pow(10, digits)) - low))
        : pick(random, WORDS);
    Picture picture = new Picture(Palette.background(random));
    int columns = PixelFont.columns(text);
    double dot = Math.min(1.8, 56.0 / columns) * (0.8 + 0.2 * random.nextDouble());
    double across = columns * dot / 2;
    double down = PixelFont.HEIGHT * dot / 2 * (1 + 0.5 * random.nextDouble());
    Region region = PixelFont.text(
        text.toUpperCase(Locale.ROOT), random.nextInt(3) == 0, random.nextInt(3) == 0 ? 2 : 0);
    double half = Picture.SIDE / 2.0;
    Picture.Place place = new Picture.Place(
        half + (half - 2 - across) * (2 * random.nextDouble() - 1),
        half + (half - 8 - down) * (2 * random.nextDouble() - 1),
        across, down, 0.16 * (random.nextDouble() - 0.5));
    picture.fill(region, place, random.nextBoolean()
        ? Palette.INK : Palette.varied(random, pick(random, "red", "blue", "green", "purple")));
    return new DemoImages.Row("text?", text, picture);
  }
}
