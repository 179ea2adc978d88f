/**
 * Answering over HTTP as OpenAI's API does: {@link thanora.serve.Engine} generates the texts of all
 * requests in one batch, {@link thanora.serve.ApiServer} speaks HTTP.
 */
package thanora.serve;
