package thanora.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.io.api.RecordMaterializer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.OriginalType;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Type.Repetition;

/** Makes JSON of the values that the columns of a row give: structs are objects, lists are lists. */
final class ParquetRows extends RecordMaterializer<ObjectNode> {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private final Struct root;
  private JsonNode row;

  ParquetRows(MessageType schema) {
    root = new Struct(schema, made -> row = made);
  }

  @Override
  public ObjectNode getCurrentRecord() {
    return (ObjectNode) row;
  }

  @Override
  public GroupConverter getRootConverter() {
    return root;
  }

  private static Converter converter(Type type, Consumer<JsonNode> sink) {
    if (type.isPrimitive()) {
      return new Value(sink);
    }
    GroupType group = type.asGroupType();
    boolean oneRepeated = group.getFieldCount() == 1 && group.getType(0).isRepetition(Repetition.REPEATED);
    if (oneRepeated && group.getOriginalType() == OriginalType.LIST) {
      return new Items(group, sink);
    }
    return oneRepeated && group.getOriginalType() == OriginalType.MAP
        ? new Entries(group, sink) : new Struct(group, sink);
  }

  /** A group of fields; a field that is repeated without being in a list is a list all the same. */
  private static final class Struct extends GroupConverter {
    private final GroupType type;
    private final Consumer<JsonNode> sink;
    private final List<Converter> fields = new ArrayList<>();
    private ObjectNode made;

    Struct(GroupType type, Consumer<JsonNode> sink) {
      this.type = type;
      this.sink = sink;
      for (Type field : type.getFields()) {
        String name = field.getName();
        fields.add(converter(field, field.isRepetition(Repetition.REPEATED)
            ? value -> made.withArrayProperty(name).add(value) : value -> made.set(name, value)));
      }
    }

    @Override
    public Converter getConverter(int index) {
      return fields.get(index);
    }

    @Override
    public void start() {
      made = JSON.objectNode();
      for (Type field : type.getFields()) {
        made.set(field.getName(),
            field.isRepetition(Repetition.REPEATED) ? JSON.arrayNode() : JSON.nullNode());
      }
    }

    @Override
    public void end() {
      sink.accept(made);
    }
  }

  /** A list: {@code list (repeated) { element }}, or as older writers have it, a repeated element. */
  private static final class Items extends GroupConverter {
    private final Consumer<JsonNode> sink;
    private final Converter item;
    private ArrayNode made;

    Items(GroupType list, Consumer<JsonNode> sink) {
      this.sink = sink;
      Type repeated = list.getType(0);
      boolean isElement = repeated.isPrimitive() || repeated.asGroupType().getFieldCount() != 1
          || repeated.getName().equals("array") || repeated.getName().equals(list.getName() + "_tuple");
      String inner = isElement ? "" : repeated.asGroupType().getFieldName(0);
      item = converter(repeated, value -> made.add(isElement ? value : value.get(inner)));
    }

    @Override
    public Converter getConverter(int index) {
      return item;
    }

    @Override
    public void start() {
      made = JSON.arrayNode();
    }

    @Override
    public void end() {
      sink.accept(made);
    }
  }

  /** A map: {@code key_value (repeated) { key, value }}. */
  private static final class Entries extends GroupConverter {
    private final Consumer<JsonNode> sink;
    private final Converter entry;
    private ObjectNode made;

    Entries(GroupType map, Consumer<JsonNode> sink) {
      this.sink = sink;
      GroupType pair = map.getType(0).asGroupType();
      entry = converter(pair, value -> made.set(value.get(pair.getFieldName(0)).asText(),
          value.get(pair.getFieldName(pair.getFieldCount() - 1))));
    }

    @Override
    public Converter getConverter(int index) {
      return entry;
    }

    @Override
    public void start() {
      made = JSON.objectNode();
    }

    @Override
    public void end() {
      sink.accept(made);
    }
  }

  private static final class Value extends PrimitiveConverter {
    private final Consumer<JsonNode> sink;

    Value(Consumer<JsonNode> sink) {
      this.sink = sink;
    }

    /** Text, since that is what bytes are in data of text; anything else stays bytes. */
    @Override
    public void addBinary(Binary value) {
      try {
        sink.accept(JSON.textNode(
            StandardCharsets.UTF_8.newDecoder().decode(value.toByteBuffer()).toString()));
      } catch (CharacterCodingException noText) {
        sink.accept(JSON.binaryNode(value.getBytes()));
      }
    }

    @Override
    public void addBoolean(boolean value) {
      sink.accept(JSON.booleanNode(value));
    }

    @Override
    public void addInt(int value) {
      sink.accept(JSON.numberNode(value));
    }

    @Override
    public void addLong(long value) {
      sink.accept(JSON.numberNode(value));
    }

    @Override
    public void addFloat(float value) {
      sink.accept(JSON.numberNode((double) value));
    }

    @Override
    public void addDouble(double value) {
      sink.accept(JSON.numberNode(value));
    }
  }
}
