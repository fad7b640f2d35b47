import type { Tensor } from '../graph/tensor.ts';
import { grad } from '../ops/grad.ts';

/**
 * Turns a function of tensors into one that also gives the gradients of the (summed) result with respect to every
 * argument: `const { value, gradients } = valueAndGrad((w) => w.square())(w)`. Both are graphs until their data is asked for.
 */
export function valueAndGrad<A extends readonly Tensor[]>(
  fn: (...args: A) => Tensor,
): (...args: A) => { value: Tensor; gradients: { [K in keyof A]: Tensor } } {
  return (...args) => {
    const value = fn(...args);
    return { value, gradients: grad(value, args) as { [K in keyof A]: Tensor } };
  };
}
