/** Process groups: what a training step needs of the other processes. */
package thanora.dist;
