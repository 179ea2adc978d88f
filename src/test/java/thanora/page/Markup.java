package thanora.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Checks of a page's text. */
public final class Markup {
  private static final Set<String> WITHOUT_END = Set.of("meta", "img");

  private Markup() {}

  /** The page less style and script. */
  public static String withoutCode(String page) {
    return page.replaceAll("(?s)<style>.*?</style>", "").replaceAll("(?s)<script>.*?</script>", "");
  }

  /** Every tag is closed in order, and nothing is unescaped. */
  public static void isWellFormed(String page) {
    String markup = withoutCode(page);
    Matcher tags = Pattern.compile("<(/?)([a-z0-9]+)((?: [^<>]*)?)>|[<>]").matcher(
        markup.substring("<!doctype html>".length()));
    Deque<String> open = new ArrayDeque<>();
    while (tags.find()) {
      assertThat(tags.group(2)).as("stray %s", tags.group()).isNotNull();
      if (tags.group(1).equals("/")) {
        assertThat(open.pop()).isEqualTo(tags.group(2));
      } else if (!tags.group(3).endsWith("/") && !WITHOUT_END.contains(tags.group(2))) {
        open.push(tags.group(2));
      }
    }
    assertThat(open).isEmpty();
  }
}
