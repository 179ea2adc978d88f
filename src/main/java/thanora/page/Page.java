package thanora.page;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The skeleton of a page: one HTML file that loads nothing else. */
public final class Page {
  private final Html html = new Html();

  private Page() {}

  /** Begins a page; what is added to {@link #html} is its body. */
  public static Page open(String title) {
    Page page = new Page();
    Html html = page.html;
    html.verbatim("<!doctype html>\n").open("html", "lang", "en").open("head");
    html.empty("meta", "charset", "utf-8");
    html.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.empty("meta", "name", "color-scheme", "content", "light dark");
    html.empty("meta", "http-equiv", "Content-Security-Policy", "content",
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:");
    html.element("title", title);
    html.open("style").verbatim(resource("page.css")).close().close();
    html.open("body").open("main");
    return page;
  }

  /** Where the body goes. */
  public Html html() {
    return html;
  }

  /** The top: a small line, the title, a sentence; leaves the header open for facts. */
  public void header(String kicker, String title, String standfirst) {
    html.open("header").element("p", kicker, "class", "kicker");
    html.element("h1", title);
    html.element("p", standfirst, "class", "standfirst");
  }

  /** A name and its value in a list of facts. */
  public void fact(String name, String value) {
    html.open("div").element("dt", name).element("dd", value).close();
  }

  /** Begins a section; an empty {@code about} is left out. */
  public void section(String id, String title, String about) {
    html.open("section", "aria-labelledby", id).element("h2", title, "id", id);
    if (!about.isEmpty()) {
      html.element("p", about, "class", "about");
    }
  }

  /** Begins what scrolls by itself where the page is too narrow for it. */
  public static void scroll(Html html, String label) {
    html.open("div", "class", "scroll", "tabindex", "0", "role", "region", "aria-label", label);
  }

  /**
   * A table that is folded away, such as the numbers of a drawing.
   *
   * @param rows each begins with its name
   * @param hasText whether the last column is text rather than numbers
   */
  public static void details(
      Html html, String summary, List<String> head, List<List<String>> rows, boolean hasText) {
    html.open("details").element("summary", summary);
    scroll(html, summary);
    html.open("table").open("thead").open("tr");
    for (int i = 0; i < head.size(); i++) {
      html.element("th", head.get(i), "scope", "col", "class", style(i, head.size(), hasText));
    }
    html.close().close().open("tbody");
    for (List<String> row : rows) {
      html.open("tr").element("th", row.get(0), "scope", "row");
      for (int i = 1; i < row.size(); i++) {
        html.element("td", row.get(i), "class", style(i, row.size(), hasText));
      }
      html.close();
    }
    html.close().close().close().close();
  }

  private static String style(int column, int columns, boolean hasText) {
    return hasText && column == columns - 1 ? "left" : "";
  }

  /** Ends the page; its text. */
  public String close() {
    html.close();
    html.open("script").verbatim(resource("page.js")).close();
    return html.close().close().verbatim("\n").toString();
  }

  private static String resource(String name) {
    try (InputStream in = Page.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is missing from the program; build it again");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
