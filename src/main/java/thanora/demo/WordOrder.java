package thanora.demo;

import static thanora.demo.DemoTasks.pick;

import java.util.LinkedHashSet;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;

/** Everyday words, into alphabetical order. */
final class WordOrder {

  private static final String[] WORDS = {
    "apple", "army", "bird", "boat", "bread", "chair", "cloud", "coat", "door", "dream", "ear",
    "east", "field", "fish", "garden", "gold", "hand", "horse", "ice", "iron", "joy", "judge",
    "king", "knee", "lake", "lion", "moon", "mouse", "night", "north", "oil", "owl", "paper",
    "pen", "queen", "rain", "river", "sea", "song", "table", "tree", "uncle", "voice", "water",
    "wind", "year", "youth", "zeal"
  };

  private WordOrder() {}

  static DemoTasks.Row draw(Random random) {
    int count = 3 + random.nextInt(2);
    Set<String> words = new LinkedHashSet<>();
    while (words.size() < count) {
      words.add(pick(random, WORDS));
    }
    return new DemoTasks.Row(String.join(" ", words), String.join(" ", new TreeSet<>(words)));
  }
}
