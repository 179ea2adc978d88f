package thanora.serve;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;
import thanora.NamedAdapters;
import thanora.image.ImageSource;
import thanora.model.Decoder;
import thanora.model.Vision;
import thanora.tensor.Ops;
import thanora.tensor.TensorScope;
import thanora.tensor.Tensors;

/**
 * Generates texts of any of the adapters, and of the base, side by side: a text joins the batch as soon
 * as there is room, in the order of arrival, and leaves it when it ends. Long prompts are read in parts,
 * between which the other texts go on.
 *
 * <p>One thread of its own computes; the methods may be called from any.
 */
public final class Engine implements AutoCloseable {
  /** Tokens read in one step, so that a long prompt does not hold up the others for long. */
  private static final int STEP_TOKENS = 256;

  private static final int GPU_STEP_TOKENS = 4096;

  private final NamedAdapters models;
  private final Decoder decoder;
  private final Set<Integer> ends;
  private final int parallel;
  private final int queue;
  private final Deque<Answer> waiting = new ArrayDeque<>(); // guarded by this, as is all that is not final
  private final List<Answer> running = new ArrayList<>(); // changed by the thread of the engine alone
  private final Thread thread = new Thread(this::work, "thanora-engine");
  private int active;
  private boolean ending;
  private boolean stopped;
  private volatile IntConsumer generated = tokens -> {};

  /**
   * Starts an engine, which does not own the models.
   *
   * @param parallel texts generated at once
   * @param queue texts that may wait
   */
  public Engine(NamedAdapters models, int parallel, int queue) {
    this.models = models;
    this.decoder = models.model().decoder();
    this.ends = models.model().format().stopIds();
    this.parallel = parallel;
    this.queue = queue;
    thread.setDaemon(true);
    thread.start();
  }

  /** Has tokens counted: after each step, those that were generated in it. */
  void countInto(IntConsumer counter) {
    generated = counter;
  }

  /** Most texts of one request. */
  public int mostTexts() {
    return parallel + queue;
  }

  /** Texts in the batch. */
  public synchronized int running() {
    return active;
  }

  /** Texts that wait for room in it. */
  public synchronized int waiting() {
    return waiting.size();
  }

  /**
   * Reads the images of orders before they are submitted, so that a broken one is told to who sent it, and texts
   * do not wait for them. Afterwards {@link #forgetImages} lets go of them.
   *
   * @throws thanora.image.ImageException naming the first that is broken
   */
  public void requireImages(List<Order> orders) {
    decoder.vision().flatMap(Vision::images).ifPresent(reader -> reader.require(images(orders)));
  }

  /** Lets go of images that were read ahead and that no text asked for. */
  public void forgetImages(List<Order> orders) {
    decoder.vision().flatMap(Vision::images).ifPresent(reader -> reader.forget(images(orders)));
  }

  private static List<ImageSource> images(List<Order> orders) {
    return orders.stream().flatMap(order -> order.prompt().images().stream()).distinct().toList();
  }

  /**
   * Takes orders of one request.
   *
   * @param seconds after which the texts end as they are
   * @throws BusyException if too many wait
   */
  public Ticket submit(List<Order> orders, long seconds) {
    Ticket ticket = new Ticket(orders.size(), System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds));
    synchronized (this) {
      if (ending) {
        throw new BusyException("the server is shutting down", true);
      }
      if (active + waiting.size() + orders.size() > mostTexts()) {
        throw new BusyException("too busy: " + active + " texts are being made and " + waiting.size()
            + " wait, at most " + queue + " can; try again later", false);
      }
      for (int i = 0; i < orders.size(); i++) {
        waiting.add(new Answer(orders.get(i), ticket, i, models.model().tokenizer(), ends));
      }
      notifyAll();
    }
    return ticket;
  }

  private void work() {
    while (admit()) {
      try {
        leave(this::isOver);
        step();
      } catch (RuntimeException | Error failure) {
        // What was read of these texts is not known any more; others can still come.
        fail(running, new IllegalStateException("generation failed", failure));
        leave(answer -> true);
      }
    }
    fail(running, new BusyException("the server has shut down", true));
    leave(answer -> true);
    synchronized (this) {
      fail(waiting, new BusyException("the server has shut down", true));
      waiting.clear();
    }
  }

  private static void fail(Iterable<Answer> answers, RuntimeException failure) {
    answers.forEach(answer -> answer.ticket.fail(failure));
  }

  /** Lets texts join, waiting for one if there is none; returns whether to go on. */
  private synchronized boolean admit() {
    try {
      while (!stopped && running.isEmpty() && waiting.isEmpty()) {
        wait();
      }
    } catch (InterruptedException e) {
      stopped = true;
    }
    waiting.removeIf(answer -> {
      if (answer.ticket.late()) {
        answer.ticket.fail(new BusyException("too busy: the time ended before there was room", false));
      }
      return answer.ticket.late() || answer.ticket.cancelled();
    });
    while (!stopped && running.size() < parallel && !waiting.isEmpty()) {
      running.add(waiting.remove());
    }
    active = running.size();
    return !stopped;
  }

  /** Whether nobody waits for a text any more; one that is late ends as it is. */
  private boolean isOver(Answer answer) {
    if (!answer.ticket.cancelled() && answer.ticket.late()) {
      answer.cut();
      return true;
    }
    return answer.ticket.cancelled();
  }

  private void leave(Predicate<Answer> over) {
    running.removeIf(answer -> {
      boolean leaves = over.test(answer);
      if (leaves) {
        answer.close();
        forgetImages(List.of(answer.order));
      }
      return leaves;
    });
    synchronized (this) {
      active = running.size();
      notifyAll();
    }
  }

  /** Reads on in the texts, as far as a step goes, and makes the next token of those that are read. */
  private void step() {
    Map<Answer, int[]> now = new LinkedHashMap<>();
    // Those that go on by one token come first, whatever the length of a prompt beside them.
    running.stream().filter(answer -> answer.unread() == 1).forEach(answer -> now.put(answer, answer.take(1)));
    int left = decoder.placement().isCpu() ? STEP_TOKENS : GPU_STEP_TOKENS;
    for (Answer answer : running) {
      int tokens = Math.min(answer.unread(), left);
      if (tokens > 0 && !now.containsKey(answer)) {
        now.put(answer, answer.take(tokens));
        left -= tokens;
      }
    }
    if (now.isEmpty()) {
      return;
    }
    List<Answer> rows = now.keySet().stream().sorted(Comparator.comparingInt(answer -> answer.order.model())).toList();
    try (TensorScope scope = TensorScope.open()) {
      Tensor logits = decoder.read(
          rows.stream().map(answer -> answer.reading(decoder)).toList(), rows.stream().map(now::get).toList());
      advance(rows, logits, Tensors.longs(Ops.argmax(logits)));
    }
  }

  private void advance(List<Answer> rows, Tensor logits, long[] best) {
    Set<Answer> ended = new HashSet<>();
    int made = 0;
    for (int row = 0; row < best.length; row++) {
      if (rows.get(row).unread() == 0) {
        made++;
        if (rows.get(row).advance(logits.select(0, row), (int) best[row])) {
          ended.add(rows.get(row));
        }
      }
    }
    generated.accept(made);
    leave(ended::contains);
  }

  /** Takes no more requests, and waits until those that were taken are done, or the time is over. */
  public synchronized void drain(long seconds) throws InterruptedException {
    ending = true;
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (active + waiting.size() > 0 && System.nanoTime() < end) {
      TimeUnit.NANOSECONDS.timedWait(this, Math.max(1_000_000, end - System.nanoTime()));
    }
  }

  /** Ends all texts that are not done, and the thread. */
  @Override
  public void close() {
    synchronized (this) {
      ending = true;
      stopped = true;
      notifyAll();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
