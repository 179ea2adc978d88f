/**
 * Text in and out of a model: its tokenizer, its chat template, and the prompt format of training.
 *
 * <p>Read in this order: {@code Tokenizer}, {@code ChatTemplate}, {@code PromptFormat}. The package
 * imports nothing else of the project.
 */
package thanora.text;
