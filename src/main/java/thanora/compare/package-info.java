/**
 * What a comparison of fine-tuning methods came to.
 *
 * <p>Read in this order: {@link thanora.compare.ComparisonResult} is the data ({@code
 * compare.json}), {@link thanora.compare.Findings} the statistics on it, and {@link
 * thanora.compare.MarkdownTable}, {@link thanora.compare.TerminalTable} and {@link
 * thanora.compare.HtmlPage} three ways to show both. Nothing here trains, or knows a tensor.
 */
package thanora.compare;
