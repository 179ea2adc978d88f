/** The front door: {@code FineTune} runs a {@code Recipe} from a model and tasks to one merged model. */
package thanora;
