package thanora.data;

import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.format.ConvertedType;
import org.apache.parquet.format.LogicalType;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.OriginalType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Type.Repetition;

/** The columns of a Parquet file: from the footer's flat list, parents first, to a tree. */
final class ParquetSchema {
  private final List<SchemaElement> elements;
  private int next;

  private ParquetSchema(List<SchemaElement> elements) {
    this.elements = elements;
  }

  static MessageType of(List<SchemaElement> elements) {
    ParquetSchema schema = new ParquetSchema(elements);
    SchemaElement root = elements.get(schema.next++);
    return new MessageType(root.getName(), schema.children(root.getNum_children()));
  }

  private List<Type> children(int count) {
    List<Type> children = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      children.add(type());
    }
    return children;
  }

  /** Of what a value means only lists and maps matter here. */
  private Type type() {
    SchemaElement element = elements.get(next++);
    Repetition repetition = Repetition.valueOf(element.getRepetition_type().name());
    if (element.isSetType()) {
      PrimitiveTypeName type = switch (element.getType()) {
        case BYTE_ARRAY -> PrimitiveTypeName.BINARY;
        default -> PrimitiveTypeName.valueOf(element.getType().name());
      };
      return new PrimitiveType(repetition, type, element.getType_length(), element.getName());
    }
    LogicalType logical = element.getLogicalType();
    ConvertedType converted = element.getConverted_type();
    boolean isList = converted == ConvertedType.LIST || logical != null && logical.isSetLIST();
    boolean isMap = converted == ConvertedType.MAP || converted == ConvertedType.MAP_KEY_VALUE
        || logical != null && logical.isSetMAP();
    OriginalType meaning = isList ? OriginalType.LIST : isMap ? OriginalType.MAP : null;
    return new GroupType(
        repetition, element.getName(), meaning, children(element.getNum_children()));
  }
}
