package thanora.demo;

import java.util.Random;

/** Numbers below a million in English words, without "and" and without hyphens. */
final class NumberWords {

  private static final String[] SMALL = {
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen"
  };

  private static final String[] TENS = {
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"
  };

  private NumberWords() {}

  /** A number of two to five digits, each length equally likely above two digits. */
  static DemoTasks.Row draw(Random random) {
    int low = random.nextInt(10) == 0 ? 10 : (int) Math.pow(10, 2 + random.nextInt(3));
    int number = low + random.nextInt(9 * low);
    return new DemoTasks.Row(grouped(number), words(number));
  }

  static String words(int number) {
    if (number < 20) {
      return SMALL[number];
    }
    if (number < 100) {
      return TENS[number / 10] + rest(number % 10);
    }
    if (number < 1000) {
      return SMALL[number / 100] + " hundred" + rest(number % 100);
    }
    return words(number / 1000) + " thousand" + rest(number % 1000);
  }

  private static String rest(int number) {
    return number == 0 ? "" : " " + words(number);
  }

  private static String grouped(int number) {
    return number < 1000
        ? Integer.toString(number)
        : number / 1000 + "," + Integer.toString(1000 + number % 1000).substring(1);
  }
}
