package thanora.data;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import thanora.image.ImageSource;
import thanora.image.ImageSource.ImageBytes;
import thanora.image.ImageSource.ImageFile;
import thanora.text.ChatMessage;

/**
 * The images of one row: those of its field, and those that parts of its messages hold themselves, in the
 * order of their places.
 */
final class RowImages {
  /** Where a part or a struct holds its image; of several the first that is there counts. */
  private static final List<String> SOURCES = List.of("bytes", "base64", "path", "image", "url", "image_url", "value");

  private final Path folder;
  private final Place place;
  private final List<ImageSource> listed;
  private final List<ImageSource> placed = new ArrayList<>();
  private int taken;

  /**
   * @param folder that paths are relative to
   * @param listed values of the row's field, an image each
   */
  RowImages(Path folder, Place place, List<Object> listed) {
    this.folder = folder;
    this.place = place;
    this.listed = listed.stream().map(this::source).toList();
  }

  /** Whether a message has an image of its own. */
  static boolean holdsOne(ChatMessage message) {
    return message.imageParts().stream().anyMatch(RowImages::holdsOne);
  }

  private static boolean holdsOne(Map<?, ?> part) {
    return SOURCES.stream().anyMatch(source -> part.get(source) != null);
  }

  /** Gives the places of a message their images; returns it without what parts say of where they come from. */
  ChatMessage place(ChatMessage message) {
    boolean parted = !message.imageParts().isEmpty();
    ChatMessage bare = message.withImageParts();
    for (Map<?, ?> part : (parted ? message : bare).imageParts()) {
      if (holdsOne(part)) {
        placed.add(source(part));
      } else if (taken < listed.size()) {
        placed.add(listed.get(taken++));
      }
    }
    return parted ? bare : message;
  }

  /** How many images have a place so far. */
  int placed() {
    return placed.size();
  }

  /** The images of the first {@code n} places, and those that have none. */
  List<ImageSource> first(int n) {
    List<ImageSource> all = new ArrayList<>(placed.subList(0, n));
    all.addAll(listed.subList(taken, listed.size()));
    return all;
  }

  private ImageSource source(Object value) {
    if (value instanceof String text) {
      return named(text);
    }
    if (value instanceof Map<?, ?> fields) {
      for (String field : SOURCES) {
        Object inner = fields.get(field);
        String name = place + ": image" + (fields.get("path") instanceof String path ? " " + path : "");
        if (inner instanceof byte[] bytes) {
          return new ImageBytes(name, bytes);
        }
        if (inner instanceof String text && (field.equals("bytes") || field.equals("base64"))) {
          return new ImageBytes(name, decoded(text));
        }
        if (inner != null) {
          return source(inner);
        }
      }
    }
    throw place.fault("an image must be a path, or an object with path or bytes");
  }

  private ImageSource named(String text) {
    if (text.startsWith("data:")) {
      return new ImageBytes(place + ": image", decoded(text.substring(text.indexOf(',') + 1)));
    }
    String shown = text.replaceAll("\\p{Cntrl}", "?");
    if (text.matches("https?://.*")) {
      throw place.fault("image " + shown + " is on the web; download it and give its path");
    }
    try {
      return new ImageFile(folder.resolve(text.replaceFirst("^file://", "")).normalize(), place.toString());
    } catch (InvalidPathException e) {
      throw place.fault("image " + shown + " is not a path; name a file");
    }
  }

  private byte[] decoded(String base64) {
    try {
      return Base64.getMimeDecoder().decode(base64);
    } catch (IllegalArgumentException e) {
      throw place.fault("an image is not base64 (" + e.getMessage() + "); give a path");
    }
  }
}
