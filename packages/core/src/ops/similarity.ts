import type { Tensor } from '../graph/tensor.ts';
import { addScalar, mul, square, sub } from './arithmetic.ts';
import { maximum } from './compare.ts';
import { rsqrt, sqrt } from './elementwise.ts';
import { full } from './leaf.ts';
import { sum } from './stretch.ts';

/** cos of the angle between a and b along one axis; a norm is taken as at least `eps`. */
export function cosineSimilarity(a: Tensor, b: Tensor, options: { axis?: number; eps?: number } = {}): Tensor {
  const { axis = -1, eps = 1e-8 } = options;
  const inverseNorm = (x: Tensor) => rsqrt(maximum(sum(square(x), axis), full([], eps * eps)));
  return mul(sum(mul(a, b), axis), mul(inverseNorm(a), inverseNorm(b)));
}

/** |a - b + eps| (Euclidean) along the last axis, as PyTorch's `pairwise_distance`: eps keeps the slope finite at 0. */
export const pairwiseDistance = (a: Tensor, b: Tensor, eps = 1e-6): Tensor =>
  sqrt(sum(square(addScalar(sub(a, b), eps)), -1));
