package thanora.checkpoint;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * The merges of a SentencePiece BPE, which a file gives as scores only: every way to cut a piece
 * into two pieces is a merge, the best score first.
 *
 * <p>Ties as in transformers' {@code generate_merges}: the longer left part, then the longer right
 * part, then the earlier piece, then the smaller ids.
 */
final class ScoredMerges {
  private ScoredMerges() {}

  private record Merge(String left, String right, float score, int leftLength, int rightLength) {}

  /** Merges of {@code pieces} (piece to id, in order of id) by the scores of ids. */
  static List<String[]> of(Map<String, Integer> pieces, List<Float> scores) {
    List<Merge> merges = new ArrayList<>();
    pieces.forEach((piece, id) -> merges.addAll(cuts(piece, scores.get(id), pieces)));
    merges.sort(Comparator.comparingDouble((Merge m) -> -m.score())
        .thenComparingInt(m -> -m.leftLength()).thenComparingInt(m -> -m.rightLength()));
    return merges.stream().map(m -> new String[] {m.left(), m.right()}).toList();
  }

  private static List<Merge> cuts(String piece, float score, Map<String, Integer> pieces) {
    List<Merge> cuts = new ArrayList<>();
    int length = piece.codePointCount(0, piece.length());
    for (int i = 1; i < length; i++) {
      int at = piece.offsetByCodePoints(0, i);
      String left = piece.substring(0, at);
      String right = piece.substring(at);
      if (pieces.containsKey(left) && pieces.containsKey(right)) {
        cuts.add(new Merge(left, right, score, i, length - i));
      }
    }
    cuts.sort(Comparator.comparingInt((Merge m) -> pieces.get(m.left()))
        .thenComparingInt(m -> pieces.get(m.right())));
    return cuts;
  }
}
