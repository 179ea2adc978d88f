package thanora.data;

/** What happens to rows of more tokens than the limit. */
public enum LongRows {
  /** Stop before training and say how many there are, how long, and where the first is. */
  REFUSE,
  /** Leave them out and count them. */
  DROP,
  /** Cut the completion's end and count them; a row whose prompt fills the limit is dropped. */
  TRUNCATE
}
