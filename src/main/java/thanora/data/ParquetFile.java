package thanora.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.BiConsumer;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;

/**
 * Reads a Parquet file row by row, one group of rows in memory at a time.
 *
 * <p>Footer and pages are read here, since the format's own file reader needs Hadoop; what is in
 * them is decoded by the format's library. Layout: {@code PAR1}, column chunks, footer, its length
 * (4 bytes, little-endian), {@code PAR1}.
 */
final class ParquetFile {
  private static final String MAGIC = "PAR1";
  private static final int TAIL = 8;

  private ParquetFile() {}

  static void read(Path file, BiConsumer<Place, ObjectNode> rows) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      read(file, channel, rows);
    } catch (DataException e) {
      throw e;
    } catch (RuntimeException damaged) { // of the decoders, which take any bytes for what they should be
      throw new DataException(
          file + ": cannot be decoded: " + damaged.getMessage() + "; fetch or write it again", damaged);
    }
  }

  private static void read(Path file, FileChannel channel, BiConsumer<Place, ObjectNode> rows)
      throws IOException {
    FileMetaData footer = footer(file, channel);
    MessageType schema = ParquetSchema.of(footer.getSchema());
    MessageColumnIO columns = new ColumnIOFactory(footer.getCreated_by()).getColumnIO(schema);
    int number = 0;
    for (RowGroup group : footer.getRow_groups()) {
      ParquetPages pages = new ParquetPages(file, channel, group);
      RecordReader<ObjectNode> reader = columns.getRecordReader(pages, new ParquetRows(schema));
      for (long i = 0; i < group.getNum_rows(); i++) {
        rows.accept(new Place(file, ++number), reader.read());
      }
    }
  }

  private static FileMetaData footer(Path file, FileChannel channel) throws IOException {
    long size = channel.size();
    if (size < MAGIC.length() + TAIL) {
      throw damaged(file, "has " + size + " bytes");
    }
    ByteBuffer tail = bytes(file, channel, size - TAIL, TAIL);
    int length = tail.getInt();
    String magic = StandardCharsets.US_ASCII.decode(tail).toString();
    if (magic.equals("PARE")) {
      throw new DataException(file + ": is encrypted; write it without encryption");
    }
    if (!magic.equals(MAGIC)) {
      throw damaged(file, "does not end in " + MAGIC);
    }
    ByteBuffer footer = bytes(file, channel, size - TAIL - Integer.toUnsignedLong(length), length);
    return Util.readFileMetaData(new ByteArrayInputStream(footer.array()));
  }

  /** Bytes of the file, little-endian. */
  static ByteBuffer bytes(Path file, FileChannel channel, long position, long length)
      throws IOException {
    if (position < 0 || length < 0 || length > Integer.MAX_VALUE - 8
        || position + length > channel.size()) {
      throw damaged(file, "names " + length + " bytes at " + position + " of "
          + channel.size());
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) length).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining() && channel.read(bytes, position + bytes.position()) >= 0) {
      // a read may give less than is asked for
    }
    return bytes.flip();
  }

  private static DataException damaged(Path file, String how) {
    return new DataException(file + ": is not a whole Parquet file: it " + how + "; fetch it again");
  }
}
