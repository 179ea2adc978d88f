package thanora.demo;

/** A part of the plane, tested point by point, x to the right and y down; most fill the square from -1 to 1. */
@FunctionalInterface
interface Region {
  boolean contains(double x, double y);

  default Region minus(Region other) {
    return (x, y) -> contains(x, y) && !other.contains(x, y);
  }

  default Region and(Region other) {
    return (x, y) -> contains(x, y) && other.contains(x, y);
  }

  static Region anyOf(Region... parts) {
    return (x, y) -> {
      for (Region part : parts) {
        if (part.contains(x, y)) {
          return true;
        }
      }
      return false;
    };
  }

  static Region circle(double cx, double cy, double radius) {
    return oval(cx, cy, radius, radius);
  }

  static Region oval(double cx, double cy, double across, double down) {
    return (x, y) -> {
      double u = (x - cx) / across;
      double v = (y - cy) / down;
      return u * u + v * v <= 1;
    };
  }

  static Region box(double left, double top, double right, double bottom) {
    return (x, y) -> x >= left && x <= right && y >= top && y <= bottom;
  }

  /** A polygon by the corners' x and y in turn; even-odd rule. */
  static Region polygon(double... corners) {
    return (x, y) -> {
      boolean inside = false;
      int n = corners.length / 2;
      for (int i = 0, before = n - 1; i < n; before = i++) {
        double xi = corners[2 * i];
        double yi = corners[2 * i + 1];
        double xj = corners[2 * before];
        double yj = corners[2 * before + 1];
        if (yi > y != yj > y && x < (xj - xi) * (y - yi) / (yj - yi) + xi) {
          inside = !inside;
        }
      }
      return inside;
    };
  }

  /** A star with its first tip above. */
  static Region star(int tips, double outer, double inner) {
    double[] corners = new double[4 * tips];
    for (int i = 0; i < 2 * tips; i++) {
      double radius = i % 2 == 0 ? outer : inner;
      double angle = StrictMath.PI * i / tips;
      corners[2 * i] = radius * StrictMath.sin(angle);
      corners[2 * i + 1] = -radius * StrictMath.cos(angle);
    }
    return polygon(corners);
  }
}
