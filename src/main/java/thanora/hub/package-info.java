/** Models and data sets by their names on the Hugging Face hub, through its standard cache. */
package thanora.hub;
