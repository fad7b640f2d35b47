import type { Tensor } from '../graph/tensor.ts';
import { square, sub } from '../ops/arithmetic.ts';
import { abs } from '../ops/elementwise.ts';
import { Weighted } from './weighted.ts';

/** (prediction - target)^2, mean over all elements. */
export const mse = (prediction: Tensor, target: Tensor): Weighted => new Weighted(square(sub(prediction, target)));

/** |prediction - target|, mean over all elements. */
export const l1 = (prediction: Tensor, target: Tensor): Weighted => new Weighted(abs(sub(prediction, target)));
