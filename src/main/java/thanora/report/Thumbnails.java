package thanora.report;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import thanora.image.ImageException;
import thanora.image.ImageSource.ImageFile;
import thanora.image.Thumbnail;
import thanora.page.Html;

/** Small pictures of rows' images inside a page, as long as they do not make it large. */
final class Thumbnails {
  private static final int EDGE = 96;
  private static final int MOST_OF_A_ROW = 4;
  private static final int MOST_BYTES = 1 << 20;

  private final Html html;
  private int bytes;

  Thumbnails(Html html) {
    this.html = html;
  }

  /** The images of a row, by their names where they are not there any more or the page is full. */
  void draw(List<String> files) {
    if (files.isEmpty()) {
      return;
    }
    html.open("span", "class", "pictures");
    for (String file : files.subList(0, Math.min(MOST_OF_A_ROW, files.size()))) {
      String name = name(file);
      Optional<byte[]> small = bytes < MOST_BYTES ? small(file) : Optional.empty();
      if (small.isPresent()) {
        bytes += small.get().length;
        html.empty("img", "src", "data:image/png;base64," + Base64.getEncoder().encodeToString(small.get()),
            "alt", name, "title", name);
      } else {
        html.element("small", name);
      }
    }
    int more = files.size() - MOST_OF_A_ROW;
    if (more > 0) {
      html.element("small", more + " more");
    }
    html.close();
  }

  private static String name(String file) {
    return file.substring(Math.max(file.lastIndexOf('/'), file.lastIndexOf('\\')) + 1);
  }

  private static Optional<byte[]> small(String file) {
    try {
      return Optional.of(Thumbnail.png(new ImageFile(Path.of(file), ""), EDGE));
    } catch (ImageException | InvalidPathException gone) {
      return Optional.empty();
    }
  }
}
