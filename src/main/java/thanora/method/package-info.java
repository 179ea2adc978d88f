/** Methods: how the adapter starts, and what its loss adds. One file a method. */
package thanora.method;
