package thanora.cli;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * Ctrl-C and SIGTERM while something is being made: the first asks for an orderly stop, the second
 * ends the process at once.
 *
 * <p>A shutdown hook would not do: Java calls it for the first signal and is deaf to a second one
 * until it is through. Signals belong to the process, so what was received is static.
 */
final class StopSignals implements AutoCloseable {
  /** What a shell reports of a process that a signal ended: 128 and its number. */
  private static final Map<String, Integer> CODES = Map.of("INT", 130, "TERM", 143);

  private static volatile int code;

  private final Map<Signal, SignalHandler> before = new LinkedHashMap<>();

  private StopSignals() {}

  /** Takes the signals until closed. */
  static StopSignals take(PrintWriter err) {
    StopSignals signals = new StopSignals();
    CODES.forEach((name, exit) -> {
      try {
        Signal signal = new Signal(name);
        signals.before.put(signal, Signal.handle(signal, received -> receive(exit, err)));
      } catch (IllegalArgumentException takenByJava) {
        // -Xrs, or a system without this signal: it ends the process as ever.
      }
    });
    return signals;
  }

  private static void receive(int exit, PrintWriter err) {
    if (code != 0) {
      Runtime.getRuntime().halt(exit);
    }
    code = exit;
    err.println((Terminal.isLive() ? System.lineSeparator() : "")
        + "thanora: stopping in good order; a second signal ends it at once");
    err.flush();
  }

  /** As if SIGTERM had been received. */
  static void request() {
    code = CODES.get("TERM");
  }

  /** Forgets what an earlier command of this process received. */
  static void forget() {
    code = 0;
  }

  /** Whether one was received. */
  static boolean received() {
    return code != 0;
  }

  /** The exit code that the signal received stands for. */
  static int exitCode() {
    return code;
  }

  @Override
  public void close() {
    before.forEach(Signal::handle);
  }
}
