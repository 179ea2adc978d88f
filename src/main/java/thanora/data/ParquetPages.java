package thanora.data;

import io.airlift.compress.Decompressor;
import io.airlift.compress.lz4.Lz4Decompressor;
import io.airlift.compress.snappy.SnappyDecompressor;
import io.airlift.compress.zstd.ZstdDecompressor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DataPageV1;
import org.apache.parquet.column.page.DataPageV2;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DataPageHeaderV2;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;

/** The pages of one group of rows, column by column, unpacked when they are asked for. */
final class ParquetPages implements PageReadStore {
  private static final int MAX_PAGE = 1 << 30;

  private final Path file;
  private final FileChannel channel;
  private final RowGroup group;
  private final Map<List<String>, ColumnMetaData> chunks = new HashMap<>();

  ParquetPages(Path file, FileChannel channel, RowGroup group) {
    this.file = file;
    this.channel = channel;
    this.group = group;
    for (ColumnChunk chunk : group.getColumns()) {
      chunks.put(chunk.getMeta_data().getPath_in_schema(), chunk.getMeta_data());
    }
  }

  @Override
  public long getRowCount() {
    return group.getNum_rows();
  }

  @Override
  public PageReader getPageReader(ColumnDescriptor column) {
    try {
      return new Column(chunks.get(Arrays.asList(column.getPath())));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A page and its header, packed as in the file. */
  private record Packed(PageHeader header, byte[] bytes) {}

  private final class Column implements PageReader {
    private final ColumnMetaData chunk;
    private final Deque<Packed> data = new ArrayDeque<>();
    private DictionaryPage dictionary;

    Column(ColumnMetaData chunk) throws IOException {
      this.chunk = chunk;
      boolean first = chunk.isSetDictionary_page_offset() && chunk.getDictionary_page_offset() > 0;
      long start = first
          ? Math.min(chunk.getDictionary_page_offset(), chunk.getData_page_offset())
          : chunk.getData_page_offset();
      ByteBuffer all = ParquetFile.bytes(file, channel, start, chunk.getTotal_compressed_size());
      ByteArrayInputStream bytes = new ByteArrayInputStream(all.array());
      for (long values = 0; values < chunk.getNum_values() && bytes.available() > 0; ) {
        PageHeader header = Util.readPageHeader(bytes);
        values += add(new Packed(header, bytes.readNBytes(header.getCompressed_page_size())));
      }
    }

    /** Keeps a page; returns how many values of rows it has. */
    private int add(Packed page) throws IOException {
      PageHeader header = page.header();
      if (header.getType() == PageType.DICTIONARY_PAGE) {
        byte[] bytes = unpacked(page.bytes(), 0, header.getUncompressed_page_size());
        dictionary = new DictionaryPage(BytesInput.from(bytes),
            header.getDictionary_page_header().getNum_values(),
            encoding(header.getDictionary_page_header().getEncoding()));
        return 0;
      }
      if (header.getType() == PageType.INDEX_PAGE) {
        return 0;
      }
      data.add(page);
      return header.getType() == PageType.DATA_PAGE
          ? header.getData_page_header().getNum_values()
          : header.getData_page_header_v2().getNum_values();
    }

    @Override
    public DictionaryPage readDictionaryPage() {
      return dictionary;
    }

    @Override
    public long getTotalValueCount() {
      return chunk.getNum_values();
    }

    @Override
    public DataPage readPage() {
      Packed page = data.poll();
      if (page == null) {
        return null;
      }
      try {
        return page.header().getType() == PageType.DATA_PAGE ? first(page) : second(page);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private DataPage first(Packed page) throws IOException {
      DataPageHeader header = page.header().getData_page_header();
      byte[] bytes = unpacked(page.bytes(), 0, page.header().getUncompressed_page_size());
      return new DataPageV1(BytesInput.from(bytes), header.getNum_values(), bytes.length, null,
          encoding(header.getRepetition_level_encoding()),
          encoding(header.getDefinition_level_encoding()), encoding(header.getEncoding()));
    }

    /** Levels lie unpacked before the values. */
    private DataPage second(Packed page) throws IOException {
      DataPageHeaderV2 header = page.header().getData_page_header_v2();
      int repetition = header.getRepetition_levels_byte_length();
      int levels = repetition + header.getDefinition_levels_byte_length();
      int values = page.header().getUncompressed_page_size() - levels;
      byte[] bytes = header.isIs_compressed()
          ? unpacked(page.bytes(), levels, values)
          : Arrays.copyOfRange(page.bytes(), levels, page.bytes().length);
      return DataPageV2.uncompressed(header.getNum_rows(), header.getNum_nulls(),
          header.getNum_values(), BytesInput.from(page.bytes(), 0, repetition),
          BytesInput.from(page.bytes(), repetition, levels - repetition),
          encoding(header.getEncoding()), BytesInput.from(bytes), null);
    }

    private byte[] unpacked(byte[] packed, int from, int size) throws IOException {
      if (size < 0 || size > MAX_PAGE || from < 0 || from > packed.length) {
        throw new IOException("a page of " + size + " bytes; at most " + MAX_PAGE);
      }
      int length = packed.length - from;
      return switch (chunk.getCodec()) {
        case UNCOMPRESSED -> Arrays.copyOfRange(packed, from, packed.length);
        case GZIP -> {
          try (var bytes = new GZIPInputStream(new ByteArrayInputStream(packed, from, length))) {
            yield bytes.readNBytes(size);
          }
        }
        default -> {
          byte[] out = new byte[size];
          int written = length == 0
              ? 0 : decompressor(chunk.getCodec()).decompress(packed, from, length, out, 0, size);
          yield Arrays.copyOf(out, written);
        }
      };
    }
  }

  private Decompressor decompressor(CompressionCodec codec) {
    return switch (codec) {
      case SNAPPY -> new SnappyDecompressor();
      case ZSTD -> new ZstdDecompressor();
      case LZ4_RAW -> new Lz4Decompressor();
      default -> throw new DataException(file + ": is compressed with "
          + codec.name().toLowerCase(Locale.ROOT) + "; write it with snappy, zstd, gzip or lz4_raw");
    };
  }

  private static Encoding encoding(org.apache.parquet.format.Encoding encoding) {
    return Encoding.valueOf(encoding.name());
  }
}
