import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { mul, mulScalar, square, sub } from '../ops/arithmetic.ts';
import { minimum } from '../ops/compare.ts';
import { abs } from '../ops/elementwise.ts';
import { full } from '../ops/leaf.ts';
import { expectSameShape } from './same-shape.ts';
import { Weighted } from './weighted.ts';

/** (prediction - target)^2, mean over all elements. */
export const mse = (prediction: Tensor, target: Tensor): Weighted =>
  new Weighted(square(difference('mse', prediction, target)));

/** |prediction - target|, mean over all elements. */
export const l1 = (prediction: Tensor, target: Tensor): Weighted =>
  new Weighted(abs(difference('l1', prediction, target)));

/**
 * Half the square of the difference d up to |d| = delta, delta (|d| - delta / 2) beyond (Huber 1964), mean over all elements.
 *
 * @throws UsageError unless delta is above 0
 */
export function huber(prediction: Tensor, target: Tensor, options: { delta?: number } = {}): Weighted {
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new UsageError(`huber: delta must be above 0, not ${delta}.`);
  return new Weighted(huberOf(difference('huber', prediction, target), delta));
}

/**
 * Half the square of the difference d over beta up to |d| = beta, |d| - beta / 2 beyond, mean over all elements: Huber's over beta. beta 0 is `l1`.
 *
 * @throws UsageError where beta is below 0
 */
export function smoothL1(prediction: Tensor, target: Tensor, options: { beta?: number } = {}): Weighted {
  const { beta = 1 } = options;
  if (!(beta >= 0)) throw new UsageError(`smoothL1: beta must be at least 0, not ${beta}.`);
  const d = difference('smoothL1', prediction, target);
  return new Weighted(beta === 0 ? abs(d) : mulScalar(huberOf(d, beta), 1 / beta));
}

/** c (|d| - c / 2) with c = min(|d|, delta). */
function huberOf(d: Tensor, delta: number): Tensor {
  const size = abs(d);
  const capped = minimum(size, full([], delta));
  return mul(capped, sub(size, mulScalar(capped, 0.5)));
}

function difference(loss: string, prediction: Tensor, target: Tensor): Tensor {
  expectSameShape(loss, 'prediction', prediction, target);
  return sub(prediction, target);
}
