package thanora.train;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import thanora.checkpoint.AtomicFiles;
import thanora.checkpoint.CheckpointException;

/**
 * The curves of a run for TensorBoard: {@code events.out.tfevents.SECONDS.HOST.PID.N}, of which a run
 * folder holds one at a time.
 *
 * <p>A record is {@code u64 length | u32 crc(length) | event | u32 crc(event)}, little-endian, each crc
 * a CRC32C c masked as rotr(c, 15) + 0xa282ead8. An event is a protocol buffer of TensorFlow's {@code
 * Event}: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7. A run that goes on
 * copies the events that count into a new file, so that no step is there twice; the session log at its
 * beginning tells a TensorBoard that is watching to forget the old ones.
 */
public final class EventFile implements AutoCloseable {
  private static final String PREFIX = "events.out.tfevents.";
  private static final int LONGEST = 1 << 24;

  private final Path file;
  private final FileChannel channel;

  private EventFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * Begins a file in a run folder, with the events up to a step that are there already.
   *
   * @param resumedStep last step that counts; 0 = a new run
   * @throws CheckpointException if it cannot be written
   */
  public static EventFile open(Path folder, long resumedStep) {
    try {
      List<Path> old = files(folder);
      ByteArrayOutputStream start = new ByteArrayOutputStream();
      start.writeBytes(record(new Message().number(1, now()).text(3, "brain.Event:2")));
      start.writeBytes(record(new Message().number(1, now()).message(7, new Message().whole(1, 1))));
      if (!old.isEmpty() && resumedStep > 0) {
        // after a kill between two of the steps here the newest holds all that counts
        copy(Files.readAllBytes(old.get(old.size() - 1)), resumedStep, start);
      }
      Path file = unused(folder);
      AtomicFiles.write(file, start.toByteArray());
      for (Path stale : old) {
        Files.delete(stale);
      }
      return new EventFile(file, FileChannel.open(file, StandardOpenOption.APPEND));
    } catch (IOException e) {
      throw new CheckpointException(folder + ": the event file cannot be written; check rights and free space", e);
    }
  }

  /** The event files of a folder, oldest first. */
  public static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(path -> path.getFileName().toString().startsWith(PREFIX)
          && !path.toString().endsWith(AtomicFiles.PART)).sorted().toList();
    }
  }

  private static Path unused(Path folder) {
    String name = PREFIX + System.currentTimeMillis() / 1000 + "." + host() + "." + ProcessHandle.current().pid() + ".";
    int count = 0;
    while (Files.exists(folder.resolve(name + count))) {
      count++;
    }
    return folder.resolve(name + count);
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9-]", "-");
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  private static double now() {
    return System.currentTimeMillis() / 1e3;
  }

  /** Adds the summaries of whole records up to a step, and stops at what is torn or later. */
  private static void copy(byte[] events, long lastStep, ByteArrayOutputStream out) {
    ByteBuffer in = ByteBuffer.wrap(events).order(ByteOrder.LITTLE_ENDIAN);
    while (in.remaining() >= 16) {
      int start = in.position();
      long length = in.getLong();
      if (length < 0 || length > LONGEST || length + 8 > in.remaining()) {
        return;
      }
      boolean whole = in.getInt() == masked(events, start, 8)
          && in.getInt(start + 12 + (int) length) == masked(events, start + 12, (int) length);
      long step = step(ByteBuffer.wrap(events, start + 12, (int) length).slice());
      if (!whole || step > lastStep) {
        return;
      }
      in.position(start + 16 + (int) length);
      if (step >= 0) {
        out.write(events, start, in.position() - start);
      }
    }
  }

  /** The step of an event that {@link #scalars} wrote; −1 for others. */
  private static long step(ByteBuffer event) {
    if (event.remaining() < 11 || event.get(9) != Message.key(2, 0)) {
      return -1;
    }
    event.position(10);
    long step = 0;
    for (int shift = 0; event.hasRemaining(); shift += 7) {
      byte part = event.get();
      step |= (long) (part & 0x7f) << shift;
      if (part >= 0) {
        break;
      }
    }
    return step;
  }

  /** Writes numbers of a step by tag; those that are not finite are left out. */
  public void scalars(long step, Map<String, Double> values) {
    Message summary = new Message();
    values.forEach((tag, value) -> {
      if (Double.isFinite(value)) {
        summary.message(1, new Message().text(1, tag).single(2, value.floatValue()));
      }
    });
    try {
      ByteBuffer bytes = ByteBuffer.wrap(record(new Message().number(1, now()).whole(2, step).message(5, summary)));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw new CheckpointException(file + ": cannot be written; check free space", e);
    }
  }

  private static byte[] record(Message event) {
    byte[] data = event.bytes();
    ByteBuffer record = ByteBuffer.allocate(16 + data.length).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length).putInt(masked(record.array(), 0, 8));
    return record.put(data).putInt(masked(data, 0, data.length)).array();
  }

  private static int masked(byte[] bytes, int start, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, start, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  /** A protocol buffer under construction. */
  private static final class Message {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    static int key(int field, int type) {
      return field << 3 | type;
    }

    /** A varint. */
    Message whole(int field, long value) {
      out.write(key(field, 0));
      varint(value);
      return this;
    }

    /** A double. */
    Message number(int field, double value) {
      out.write(key(field, 1));
      out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putDouble(value).array());
      return this;
    }

    /** A float. */
    Message single(int field, float value) {
      out.write(key(field, 5));
      out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
      return this;
    }

    Message text(int field, String value) {
      return block(field, value.getBytes(StandardCharsets.UTF_8));
    }

    Message message(int field, Message value) {
      return block(field, value.bytes());
    }

    private Message block(int field, byte[] value) {
      out.write(key(field, 2));
      varint(value.length);
      out.writeBytes(value);
      return this;
    }

    private void varint(long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        out.write((int) (rest & 0x7f | 0x80));
        rest >>>= 7;
      }
      out.write((int) rest);
    }

    byte[] bytes() {
      return out.toByteArray();
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new CheckpointException(file + ": cannot be closed; check free space", e);
    }
  }
}
