package thanora.text.jinja;

import java.time.LocalDateTime;
import java.util.Map;

/**
 * A parsed chat template.
 *
 * <p>Rendering is a function of the variables and the time alone: it changes no value, reads no
 * file and reaches no class. It stops with a {@link TemplateException} at 5 million steps, 16
 * million characters, or 100 macros inside each other.
 */
public final class Template {
  private final Statement body;

  private Template(Statement body) {
    this.body = body;
  }

  /**
   * Reads a template.
   *
   * @throws TemplateException with its line, on anything outside of the supported Jinja
   */
  public static Template parse(String source) {
    try {
      return new Template(Parser.parse(source));
    } catch (StackOverflowError deep) {
      throw new TemplateException("blocks or brackets are nested too deeply");
    }
  }

  /**
   * Renders.
   *
   * @param variables strings, numbers, booleans, null, lists and maps of these
   * @param now what {@code strftime_now} prints
   * @throws TemplateException with its line, on an error or a limit
   */
  public Rendering render(Map<String, ?> variables, LocalDateTime now) {
    Run run = new Run(now);
    try {
      Scope globals = Scope.root(run);
      Globals.define(globals);
      variables.forEach((name, value) -> globals.set(name, Values.of(value)));
      body.execute(globals.inner());
      return run.finish();
    } catch (TemplateException e) {
      throw e.line() > 0 ? e : new TemplateException(run.line(), e.getMessage());
    } catch (ArithmeticException overflow) {
      throw new TemplateException(run.line(), "integer over 64 bits");
    } catch (StackOverflowError deep) {
      throw new TemplateException(run.line(), "values or blocks are nested too deeply");
    }
  }
}
