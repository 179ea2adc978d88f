package thanora.demo;

import java.util.HashMap;
import java.util.Map;

/** Capital letters and figures of five by seven dots; no fonts of the machine are needed. */
final class PixelFont {
  static final int WIDTH = 5;
  static final int HEIGHT = 7;

  /** Of every glyph its rows from the top, a hexadecimal pair each, the leftmost dot the highest of five bits. */
  private static final String GLYPHS = """
      A0E11111F111111 B1E11111E11111E C0E11101010110E D1E11111111111E E1F10101E10101F F1F10101E101010
      G0E11101711110E H1111111F111111 I0E04040404040E J0702020202120C K11121418141211 L1010101010101F
      M111B1515111111 N11191513111111 O0E11111111110E P1E11111E101010 Q0E11111115120D R1E11111E141211
      S0F10100E01011E T1F040404040404 U1111111111110E V11111111110A04 W11111115151B11 X11110A040A1111
      Y11110A04040404 Z1F01020408101F 00E0A0A0A0A0A0E 1040C040404040E 20E11010608101F 30E11010601110E
      402060A121F0202 51F101E0101110E 60608101E11110E 71F010204080808 80E11110E11110E 90E11110F01020C
      """;

  private static final Map<Character, int[]> ROWS = rows();

  private PixelFont() {}

  private static Map<Character, int[]> rows() {
    Map<Character, int[]> rows = new HashMap<>();
    for (String glyph : GLYPHS.strip().split("\\s+")) {
      int[] bits = new int[HEIGHT];
      for (int i = 0; i < HEIGHT; i++) {
        bits[i] = Integer.parseInt(glyph.substring(1 + 2 * i, 3 + 2 * i), 16);
      }
      rows.put(glyph.charAt(0), bits);
    }
    return rows;
  }

  /** Dots of a line of text, with one column between glyphs. */
  static int columns(String text) {
    return (WIDTH + 1) * text.length() - 1;
  }

  /**
   * A line of text that fills the square from -1 to 1.
   *
   * @param round whether dots are round and apart, not square and joined
   * @param slant how far the top leans to the right, in dots
   */
  static Region text(String text, boolean round, double slant) {
    int columns = columns(text);
    return (x, y) -> {
      double v = (y + 1) / 2 * HEIGHT;
      double u = (x + 1) / 2 * columns + slant * (v / HEIGHT - 0.5);
      if (u < 0 || u >= columns || v < 0 || v >= HEIGHT) {
        return false;
      }
      int column = (int) u;
      int glyph = column / (WIDTH + 1);
      int dot = column % (WIDTH + 1);
      boolean set = dot < WIDTH
          && (ROWS.get(text.charAt(glyph))[(int) v] >> (WIDTH - 1 - dot) & 1) == 1;
      double du = u - column - 0.5;
      double dv = v - (int) v - 0.5;
      return set && (!round || du * du + dv * dv <= 0.25);
    };
  }
}
