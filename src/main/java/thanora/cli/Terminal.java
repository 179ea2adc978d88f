package thanora.cli;

import java.io.Console;

/** What the standard streams are, without native code: the launcher looks and says it in properties. */
final class Terminal {
  private static final int COLUMNS = 100;

  private Terminal() {}

  /** Whether a line may be drawn over: standard error is a terminal, and not a dumb one. */
  static boolean isLive() {
    String term = System.getenv("TERM");
    if (term == null || term.equals("dumb")) {
      return false;
    }
    String said = System.getProperty("thanora.stderr.tty", "");
    return said.isEmpty() ? consoleIsTerminal() : said.equals("true");
  }

  /** A text that cannot move the cursor or do worse: control characters but line ends and tabs are marked. */
  static String printable(String text) {
    return text.replaceAll("[\\p{Cc}&&[^\n\t]]", "\uFFFD");
  }

  /** Whether standard output shows colours: it is a terminal, and NO_COLOR is not set. */
  static boolean hasColours() {
    String no = System.getenv("NO_COLOR");
    String term = System.getenv("TERM");
    String said = System.getProperty("thanora.stdout.tty", "");
    return (no == null || no.isEmpty()) && term != null && !term.equals("dumb")
        && (said.isEmpty() ? consoleIsTerminal() : said.equals("true"));
  }

  /** Whether somebody can be asked: standard input is a terminal too. */
  static boolean asks() {
    return System.getProperty("thanora.stdin.tty", "true").equals("true") && isLive();
  }

  /** Up to Java 21 there is a console only on a terminal; later ones have isTerminal for that. */
  private static boolean consoleIsTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (NoSuchMethodException olderJava) {
      return true;
    } catch (ReflectiveOperationException e) {
      return false;
    }
  }

  /** Columns of the terminal: the launcher's, COLUMNS, or 100. */
  static int columns() {
    String columns = System.getProperty("thanora.columns", "");
    if (columns.isEmpty() && System.getenv("COLUMNS") != null) {
      columns = System.getenv("COLUMNS");
    }
    return columns.matches("[1-9]\\d{1,3}") ? Integer.parseInt(columns) : COLUMNS;
  }
}
