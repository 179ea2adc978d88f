package thanora.demo;

import static thanora.demo.DemoTasks.pick;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Invented words, to their sounds by fixed rules that resemble English spelling: letter pairs, soft
 * {@code c} and {@code g}, silent letters, and a final {@code e} that lengthens the vowel before.
 */
final class LetterSounds {

  private static final String[] ONSETS = {
    "b", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "g", "gl", "h", "j", "k", "kn", "l", "m", "n",
    "p", "ph", "pl", "qu", "r", "s", "sh", "sl", "st", "t", "th", "tr", "v", "w", "wr", "z"
  };

  private static final String[] VOWELS = {
    "a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ai", "ee", "oa", "oo", "ou"
  };

  private static final String[] CODAS = {
    "b", "ck", "d", "ft", "g", "l", "ll", "m", "n", "nd", "ng", "nt", "p", "sh", "ss", "st", "t",
    "th", "x"
  };

  private static final String[] SINGLE_CODAS = {"b", "c", "d", "g", "k", "l", "m", "n", "p", "t"};

  private static final Map<String, String> PAIRS = Map.ofEntries(
      Map.entry("ch", "ch"), Map.entry("sh", "sh"), Map.entry("th", "th"), Map.entry("ph", "f"),
      Map.entry("ck", "k"), Map.entry("ng", "ng"), Map.entry("qu", "k w"), Map.entry("ai", "ey"),
      Map.entry("ee", "iy"), Map.entry("oa", "ow"), Map.entry("oo", "uw"), Map.entry("ou", "aw"));

  private static final Map<Character, String> SHORT =
      Map.of('a', "ae", 'e', "eh", 'i', "ih", 'o', "aa", 'u', "ah");

  private static final Map<Character, String> LONG =
      Map.of('a', "ey", 'e', "iy", 'i', "ay", 'o', "ow", 'u', "uw");

  private LetterSounds() {}

  static DemoTasks.Row draw(Random random) {
    StringBuilder word = new StringBuilder();
    if (random.nextBoolean()) {
      word.append(pick(random, ONSETS)).append(pick(random, VOWELS));
    }
    word.append(pick(random, ONSETS));
    if (random.nextInt(3) == 0) {
      word.append(pick(random, "a", "e", "i", "o", "u")).append(pick(random, SINGLE_CODAS))
          .append('e');
    } else {
      word.append(pick(random, VOWELS)).append(pick(random, CODAS));
    }
    return new DemoTasks.Row(word.toString(), String.join(" ", sounds(word.toString())));
  }

  static List<String> sounds(String word) {
    List<String> sounds = new ArrayList<>();
    int at = 0;
    while (at < word.length()) {
      String pair = word.substring(at, Math.min(at + 2, word.length()));
      if (PAIRS.containsKey(pair)) {
        sounds.add(PAIRS.get(pair));
        at += 2;
      } else if (at == 0 && (pair.equals("kn") || pair.equals("wr"))) {
        at += 1;
      } else if (pair.length() == 2 && pair.charAt(0) == pair.charAt(1)) {
        at += 1;
      } else {
        addSingle(word, at, sounds);
        at += 1;
      }
    }
    return sounds;
  }

  private static void addSingle(String word, int at, List<String> sounds) {
    char letter = word.charAt(at);
    char next = at + 1 < word.length() ? word.charAt(at + 1) : ' ';
    boolean soft = next == 'e' || next == 'i';
    if (SHORT.containsKey(letter)) {
      boolean silent = letter == 'e' && at == word.length() - 1;
      if (!silent) {
        sounds.add((lengthened(word, at) ? LONG : SHORT).get(letter));
      }
    } else if (letter == 'c') {
      sounds.add(soft ? "s" : "k");
    } else if (letter == 'g') {
      sounds.add(soft ? "j" : "g");
    } else if (letter == 'x') {
      sounds.add("k s");
    } else {
      sounds.add(String.valueOf(letter));
    }
  }

  /** Vowel, one consonant, final e. */
  private static boolean lengthened(String word, int at) {
    return at == word.length() - 3
        && word.charAt(at + 2) == 'e'
        && !SHORT.containsKey(word.charAt(at + 1));
  }
}
