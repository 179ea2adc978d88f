/**
 * What pages are made of: {@link thanora.page.Page} is the skeleton, {@link thanora.page.Html} and
 * {@link thanora.page.Svg} the markup, {@link thanora.page.LineChart}, {@link thanora.page.DotRows}
 * and {@link thanora.page.HeatMaps} the drawings, {@link thanora.page.Figures} the numbers. A page is
 * one file that loads nothing else, in light and dark.
 */
package thanora.page;
