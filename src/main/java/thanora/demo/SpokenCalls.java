package thanora.demo;

import static thanora.demo.DemoTasks.pick;

import java.util.Locale;
import java.util.Random;

/** Spoken household commands, to calls with named arguments. */
final class SpokenCalls {

  private static final String[] ROOMS = {
    "kitchen", "bedroom", "office", "hall", "garage", "bathroom", "attic", "nursery"
  };

  private static final String[] DISHES = {"rice", "eggs", "bread", "pasta", "tea", "soup", "cake"};

  private static final String[] PEOPLE = {
    "Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Ida", "Jack"
  };

  private SpokenCalls() {}

  static DemoTasks.Row draw(Random random) {
    return switch (random.nextInt(6)) {
      case 0 -> light(random);
      case 1 -> heat(random);
      case 2 -> blinds(random);
      case 3 -> timer(random);
      case 4 -> alarm(random);
      default -> call(random);
    };
  }

  private static DemoTasks.Row light(Random random) {
    String room = pick(random, ROOMS);
    int level = 5 * (1 + random.nextInt(20));
    String percent =
        (random.nextBoolean() ? Integer.toString(level) : NumberWords.words(level)) + " percent";
    String spoken = switch (random.nextInt(4)) {
      case 0 -> "dim the " + room + " lamp to " + percent;
      case 1 -> "set the " + room + " lights at " + percent;
      case 2 -> "I want " + percent + " light in the " + room;
      default -> "light in the " + room + " to " + percent + ", please";
    };
    return new DemoTasks.Row(spoken, "light(room=" + room + ", level=" + level + ")");
  }

  private static DemoTasks.Row heat(Random random) {
    String room = pick(random, ROOMS);
    int degrees = 15 + random.nextInt(11);
    String spoken = switch (random.nextInt(4)) {
      case 0 -> "warm the " + room + " to " + degrees + " degrees";
      case 1 -> "make it " + degrees + " degrees in the " + room;
      case 2 -> "heat the " + room + " up to " + NumberWords.words(degrees);
      default -> "the " + room + " should be at " + NumberWords.words(degrees) + " degrees";
    };
    return new DemoTasks.Row(spoken, "heat(room=" + room + ", degrees=" + degrees + ")");
  }

  private static DemoTasks.Row blinds(Random random) {
    String room = pick(random, ROOMS);
    boolean open = random.nextBoolean();
    String spoken = switch (random.nextInt(3)) {
      case 0 -> (open ? "open" : "close") + " the blinds in the " + room;
      case 1 -> (open ? "let some sun into the " : "keep the sun out of the ") + room;
      default -> room + " blinds " + (open ? "up" : "down") + pick(random, "", " please", " now");
    };
    return new DemoTasks.Row(
        spoken, "blinds(room=" + room + ", state=" + (open ? "open" : "closed") + ")");
  }

  private static DemoTasks.Row timer(Random random) {
    String dish = pick(random, DISHES);
    int minutes = 2 + random.nextInt(48);
    String spoken = switch (random.nextInt(3)) {
      case 0 -> "tell me in " + minutes + " minutes to check the " + dish;
      case 1 -> "the " + dish + " needs " + NumberWords.words(minutes) + " minutes";
      default -> minutes + " minutes for the " + dish;
    };
    return new DemoTasks.Row(spoken, "timer(minutes=" + minutes + ", name=" + dish + ")");
  }

  private static DemoTasks.Row alarm(Random random) {
    int hour = 1 + random.nextInt(11);
    boolean morning = random.nextBoolean();
    int quarter = random.nextInt(4);
    String spokenHour = NumberWords.words(quarter == 3 ? hour + 1 : hour);
    String past = switch (quarter) {
      case 0 -> spokenHour + " o'clock";
      case 1 -> "quarter past " + spokenHour;
      case 2 -> "half past " + spokenHour;
      default -> "quarter to " + spokenHour;
    };
    String spoken = pick(random, "wake me at ", "ring at ", "alarm at ") + past
        + (morning ? " in the morning" : hour < 6 ? " in the afternoon" : " in the evening");
    int hour24 = hour + (morning ? 0 : 12);
    return new DemoTasks.Row(
        spoken, String.format("alarm(time=%02d:%02d)", hour24, 15 * quarter));
  }

  private static DemoTasks.Row call(Random random) {
    String person = pick(random, PEOPLE);
    String device = pick(random, "phone", "video");
    String spoken = switch (random.nextInt(3)) {
      case 0 -> (device.equals("video") ? "video call " : "ring up ") + person
          + pick(random, "", " now", " please", " for me");
      case 1 -> "I would like to " + (device.equals("video") ? "see " : "talk to ") + person;
      default -> pick(random, "get ", "put ") + person
          + (device.equals("video") ? " on the screen" : " on the phone");
    };
    return new DemoTasks.Row(
        spoken, "call(name=" + person.toLowerCase(Locale.ROOT) + ", by=" + device + ")");
  }
}
