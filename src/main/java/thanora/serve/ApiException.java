package thanora.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** A refusal, as clients of OpenAI's API read one. */
final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  final int status;
  private final String param;
  private final String code;

  /**
   * A refusal.
   *
   * @param param the field that is at fault; null for none
   * @param code for programs
   */
  ApiException(int status, String param, String code, String message) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
  }

  /** A field that is wrong. */
  static ApiException field(String param, String fault) {
    return new ApiException(400, param, "invalid_value", param + ": " + fault);
  }

  /** A field that is known, and not supported. */
  static ApiException unsupported(String param, String remedy) {
    return new ApiException(400, param, "unsupported_parameter", param + ": is not supported; " + remedy);
  }

  ObjectNode body() {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.putObject("error").put("message", getMessage())
        .put("type", status == 401 ? "authentication_error" : status == 429 ? "rate_limit_error"
            : status >= 500 ? "server_error" : "invalid_request_error")
        .put("param", param).put("code", code);
    return body;
  }
}
