package thanora.data;

/** How a row of a file says what is asked and what is answered. */
public enum RowFormat {
  /** By the fields that the first row of a file has. */
  AUTO,
  /** {@code prompt} and {@code completion}: two strings or two lists of messages. */
  PROMPT_COMPLETION,
  /** Alpaca's: {@code instruction}, {@code input}, {@code output}, {@code system}, {@code history}. */
  INSTRUCTION,
  /** ShareGPT's: {@code conversations} of {@code from} and {@code value}, {@code system}, {@code tools}. */
  CONVERSATIONS,
  /** OpenAI's: {@code messages} of {@code role} and {@code content}, {@code tools}. */
  MESSAGES,
  /** {@code text}, all of which is learnt. */
  TEXT
}
