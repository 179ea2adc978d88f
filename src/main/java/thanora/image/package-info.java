/**
 * Images: files decoded to RGB, and what the processor of a Hugging Face model makes of them: pixel values for
 * the vision tower, and the tokens that stand for an image in a text. Host arrays only.
 */
package thanora.image;
