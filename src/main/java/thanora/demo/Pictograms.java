package thanora.demo;

import static thanora.demo.Region.anyOf;
import static thanora.demo.Region.box;
import static thanora.demo.Region.circle;
import static thanora.demo.Region.oval;
import static thanora.demo.Region.polygon;
import static thanora.demo.Region.star;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Simple drawings of things, each made of a few flat parts. */
final class Pictograms {
  private static final int BROWN = 0x785028;
  private static final int PALE = 0xfafafa;
  private static final int LEAF = 0x327832;

  /** Stands for the colour that a drawing is given. */
  private static final int OWN = -1;

  private static final Map<String, List<Part>> THINGS = things();

  private Pictograms() {}

  /** A region in one colour. */
  private record Part(Region region, int colour) {}

  static List<String> names() {
    return List.copyOf(THINGS.keySet());
  }

  static void draw(Picture picture, String name, Picture.Place place, int colour) {
    for (Part part : THINGS.get(name)) {
      picture.fill(part.region(), place, part.colour() == OWN ? colour : part.colour());
    }
  }

  private static Part own(Region region) {
    return new Part(region, OWN);
  }

  private static Part part(int colour, Region region) {
    return new Part(region, colour);
  }

  private static Map<String, List<Part>> things() {
    Map<String, List<Part>> things = new LinkedHashMap<>();
    addToys(things);
    addPlants(things);
    addOutdoors(things);
    addIndoors(things);
    return things;
  }

  private static void addToys(Map<String, List<Part>> things) {
    things.put("ball", List.of(own(circle(0, 0, 0.9)),
        part(PALE, circle(0, 0, 0.9).and(oval(0, 0, 0.95, 0.3)).minus(oval(0, 0, 0.95, 0.12)))));
    things.put("box", List.of(own(box(-0.85, -0.6, 0.85, 0.85)),
        part(Palette.INK, box(-0.95, -0.85, 0.95, -0.5)), part(PALE, box(-0.15, -0.5, 0.15, 0.85))));
    things.put("star", List.of(own(star(5, 1, 0.42))));
    things.put("heart", List.of(own(anyOf(circle(-0.45, -0.35, 0.5), circle(0.45, -0.35, 0.5),
        polygon(-0.9, -0.13, 0.9, -0.13, 0, 0.95)))));
    things.put("flag", List.of(part(Palette.INK, box(-0.8, -0.95, -0.65, 0.95)),
        own(polygon(-0.65, -0.9, 0.9, -0.4, -0.65, 0.1))));
    things.put("hat", List.of(own(anyOf(box(-0.5, -0.75, 0.5, 0.4), box(-0.95, 0.3, 0.95, 0.6))),
        part(Palette.INK, box(-0.5, 0.05, 0.5, 0.3))));
  }

  private static void addPlants(Map<String, List<Part>> things) {
    things.put("tree", List.of(part(BROWN, box(-0.16, 0.3, 0.16, 0.98)), own(anyOf(
        circle(0, -0.45, 0.5), circle(-0.42, 0, 0.42), circle(0.42, 0, 0.42)))));
    things.put("flower", List.of(part(LEAF, anyOf(box(-0.07, 0, 0.07, 0.98), oval(0.3, 0.6, 0.28, 0.14))),
        own(anyOf(circle(0, -0.72, 0.26), circle(0, -0.02, 0.26), circle(-0.35, -0.37, 0.26),
            circle(0.35, -0.37, 0.26))), part(0xf5d23c, circle(0, -0.37, 0.22))));
    things.put("apple", List.of(own(anyOf(circle(-0.3, 0.2, 0.62), circle(0.3, 0.2, 0.62))),
        part(BROWN, polygon(-0.05, -0.3, 0.08, -0.3, 0.2, -0.8, 0.08, -0.85)),
        part(LEAF, oval(0.45, -0.6, 0.28, 0.13))));
  }

  private static void addOutdoors(Map<String, List<Part>> things) {
    things.put("house", List.of(own(box(-0.7, -0.1, 0.7, 0.9)),
        part(BROWN, polygon(-0.95, -0.1, 0, -0.95, 0.95, -0.1)), part(PALE, box(-0.55, 0.1, -0.15, 0.45)),
        part(Palette.INK, box(0.1, 0.3, 0.45, 0.9))));
    things.put("sun", List.of(own(star(10, 1, 0.55)), part(PALE, circle(0, 0, 0.5)), own(circle(0, 0, 0.42))));
    things.put("moon", List.of(own(circle(0, 0, 0.9).minus(circle(0.45, -0.15, 0.75)))));
    things.put("cloud", List.of(own(anyOf(circle(-0.5, 0.15, 0.42), circle(0, -0.15, 0.5),
        circle(0.5, 0.12, 0.45), box(-0.5, 0.1, 0.5, 0.57)))));
    things.put("car", List.of(own(anyOf(box(-0.95, -0.05, 0.95, 0.45), polygon(-0.6, -0.05, -0.35, -0.55,
        0.35, -0.55, 0.65, -0.05))), part(PALE, box(-0.32, -0.42, 0.3, -0.08)),
        part(Palette.INK, anyOf(circle(-0.52, 0.45, 0.27), circle(0.52, 0.45, 0.27)))));
    things.put("boat", List.of(own(polygon(-0.95, 0.35, 0.95, 0.35, 0.6, 0.85, -0.6, 0.85)),
        part(BROWN, box(-0.07, -0.95, 0.07, 0.35)),
        part(0xbebebe, polygon(0.12, -0.85, 0.12, 0.2, 0.8, 0.2))));
    things.put("fish", List.of(own(anyOf(oval(-0.15, 0, 0.75, 0.45), polygon(0.45, 0, 0.98, -0.5, 0.98, 0.5))),
        part(PALE, circle(-0.5, -0.12, 0.14)), part(Palette.INK, circle(-0.5, -0.12, 0.07))));
  }

  private static void addIndoors(Map<String, List<Part>> things) {
    Region ears = anyOf(polygon(-0.8, -0.95, -0.75, 0, -0.1, -0.45), polygon(0.8, -0.95, 0.75, 0, 0.1, -0.45));
    things.put("cat", List.of(own(anyOf(circle(0, 0.15, 0.78), ears)),
        part(PALE, anyOf(circle(-0.32, 0, 0.19), circle(0.32, 0, 0.19))),
        part(Palette.INK, anyOf(circle(-0.32, 0, 0.09), circle(0.32, 0, 0.09),
            polygon(-0.13, 0.3, 0.13, 0.3, 0, 0.48)))));
    things.put("cup", List.of(own(anyOf(box(-0.75, -0.6, 0.4, 0.75),
        circle(0.45, 0, 0.5).minus(circle(0.45, 0, 0.28)))), part(Palette.INK, box(-0.75, -0.72, 0.4, -0.55))));
    things.put("key", List.of(own(anyOf(circle(-0.55, 0, 0.42).minus(circle(-0.55, 0, 0.19)),
        box(-0.15, -0.1, 0.95, 0.1), box(0.5, 0.1, 0.63, 0.42), box(0.8, 0.1, 0.95, 0.42)))));
    things.put("clock", List.of(own(circle(0, 0, 0.95)), part(PALE, circle(0, 0, 0.74)),
        part(Palette.INK, anyOf(box(-0.06, -0.58, 0.06, 0.06), box(-0.06, -0.06, 0.45, 0.06)))));
    things.put("umbrella", List.of(own(circle(0, 0, 0.95).and(box(-1, -1, 1, -0.05))),
        part(Palette.INK, anyOf(box(-0.05, -0.05, 0.05, 0.8),
            circle(0.2, 0.75, 0.25).minus(circle(0.2, 0.75, 0.14)).and(box(-1, 0.75, 1, 1))))));
  }
}
