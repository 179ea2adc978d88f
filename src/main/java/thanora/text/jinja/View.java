package thanora.text.jinja;

import java.util.List;

/** What a dict's {@code keys()}, {@code values()} and {@code items()} give: it has no index. */
record View(String kind, List<Object> items) {}
