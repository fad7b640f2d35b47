import { backward } from '../graph/grad.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add } from './arithmetic.ts';
import { ones, zeros } from './leaf.ts';

/** Gradients of the sum of `output` with respect to each tensor; zeros where none flows. */
export const grad = (output: Tensor, wrt: readonly Tensor[]): Tensor[] =>
  backward(output, ones(output.shape), wrt, add).map((g, i) => g ?? zeros((wrt[i] as Tensor).shape));

/** As `grad`, with undefined where no gradient flows. */
export const gradOrNone = (output: Tensor, wrt: readonly Tensor[]): (Tensor | undefined)[] =>
  backward(output, ones(output.shape), wrt, add);
