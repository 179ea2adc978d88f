package thanora.data;

/** What happens to rows of more tokens than the limit. */
public enum LongRows {
  /** Stop before training and say how many there are, how long, and where the first is. */
  REFUSE,
  /** Leave them out and count them. */
  DROP,
  /** Cut the completion's end and count them; where the prompt or an image would be cut the row is dropped. */
  TRUNCATE
}
