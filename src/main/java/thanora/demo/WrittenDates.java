package thanora.demo;

import java.time.LocalDate;
import java.util.Random;

/** Dates as people write them, to ISO 8601. */
final class WrittenDates {

  private static final String[] MONTHS = {
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December"
  };

  private static final LocalDate FIRST = LocalDate.of(1900, 1, 1);
  private static final int DAYS = 54_786;

  private WrittenDates() {}

  static DemoTasks.Row draw(Random random) {
    LocalDate date = FIRST.plusDays(random.nextInt(DAYS));
    int day = date.getDayOfMonth();
    String month = MONTHS[date.getMonthValue() - 1];
    String brief = month.substring(0, 3);
    int year = date.getYear();
    String written = switch (random.nextInt(6)) {
      case 0 -> day + " " + month + " " + year;
      case 1 -> month + " " + ordinal(day) + ", " + year;
      case 2 -> "the " + ordinal(day) + " of " + month + " " + year;
      case 3 -> brief + " " + day + " " + year;
      case 4 -> "day " + day + " of " + month + ", " + year;
      default -> year + ", " + month + " " + day;
    };
    return new DemoTasks.Row(written, date.toString());
  }

  private static String ordinal(int day) {
    boolean teen = day / 10 == 1;
    return day + switch (teen ? 0 : day % 10) {
      case 1 -> "st";
      case 2 -> "nd";
      case 3 -> "rd";
      default -> "th";
    };
  }
}
