package thanora.lora;

import org.bytedeco.pytorch.Tensor;

/**
 * The start of one module's adapter, float32.
 *
 * @param a A (r, in)
 * @param bt Bᵀ (r, out)
 * @param a0 A⁰ (R, in): the frozen copy of the first R rows that is subtracted; R is 0 where B starts
 *     at zero
 * @param b0t B⁰ᵀ (R, out)
 * @param blocks which rows belong to which task
 */
public record Factors(Tensor a, Tensor bt, Tensor a0, Tensor b0t, Blocks blocks) {}
