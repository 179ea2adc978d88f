/**
 * The command line. Results go to standard output, progress and messages to standard error. Exit
 * codes: 0 success, 1 failed, 2 wrong use or a wrong recipe.
 */
package thanora.cli;
