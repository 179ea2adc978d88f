package thanora.text;

/** A tokenizer that is missing, broken, or does not fit its use; one line with the remedy. */
public final class TokenizerException extends RuntimeException {
  TokenizerException(String message) {
    super(message);
  }

  TokenizerException(String message, Throwable cause) {
    super(message, cause);
  }
}
