/**
 * A small strict interpreter of the part of Jinja2 that chat templates are written in.
 *
 * <p>It renders what Python's Jinja2 3.1 renders with the settings of transformers (trim_blocks,
 * lstrip_blocks, loop controls, immutable sandbox, autoescape off) and refuses the rest with a line
 * number: a template that is not understood must never become a plausible wrong prompt. Values are
 * strings, numbers, booleans, None, lists and dicts only; no Java class can be reached. Steps,
 * output and nesting are limited, because a template comes from a downloaded file.
 *
 * <p>Read in this order: {@code Template}, {@code Lexer}, {@code Parser}, {@code Expressions},
 * {@code Statements}, {@code Values}, {@code Filters}.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/">Jinja template language</a>
 */
package thanora.text.jinja;
