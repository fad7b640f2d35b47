import type { Tensor } from '../graph/tensor.ts';
import { add, addScalar, mul, mulScalar, neg, sub } from '../ops/arithmetic.ts';
import { checkValues } from '../ops/check-values.ts';
import { minimum } from '../ops/compare.ts';
import { relu } from '../ops/elementwise.ts';
import { cosineSimilarity, pairwiseDistance } from '../ops/similarity.ts';
import { expectSameShape } from './same-shape.ts';
import { Weighted } from './weighted.ts';

const signs = (target: Tensor): Tensor => checkValues(target, { what: 'target', low: -1, high: 1, ends: true });

/** max(0, margin - t x) for targets t of -1 or 1 (Cortes and Vapnik 1995), mean over all elements. */
export function hinge(scores: Tensor, target: Tensor, options: { margin?: number } = {}): Weighted {
  expectSameShape('hinge', 'scores', scores, target);
  return new Weighted(relu(addScalar(neg(mul(scores, signs(target))), options.margin ?? 1)));
}

/** Distances x: x where the target is 1, max(0, margin - x) where it is -1, mean over all elements. */
export function hingeEmbedding(distance: Tensor, target: Tensor, options: { margin?: number } = {}): Weighted {
  expectSameShape('hingeEmbedding', 'distances', distance, target);
  return new Weighted(byTarget(signs(target), distance, relu(addScalar(neg(distance), options.margin ?? 1))));
}

/** max(0, margin - t (a - b)): a is to be ranked above b where the target is 1, below where it is -1. Mean over all elements. */
export function marginRanking(a: Tensor, b: Tensor, target: Tensor, options: { margin?: number } = {}): Weighted {
  expectSameShape('marginRanking', 'scores', a, b);
  expectSameShape('marginRanking', 'scores', a, target);
  return new Weighted(relu(addScalar(neg(mul(sub(a, b), signs(target))), options.margin ?? 0)));
}

/**
 * 1 - cos(a, b) where the target is 1, max(0, cos(a, b) - margin) where it is -1, mean over rows: a and b `[batch, ..., features]`, target
 * `[batch, ...]`.
 */
export function cosineEmbedding(a: Tensor, b: Tensor, target: Tensor, options: { margin?: number } = {}): Weighted {
  expectSameShape('cosineEmbedding', 'vectors', a, b);
  const cosine = cosineSimilarity(a, b);
  expectSameShape('cosineEmbedding', 'similarities', cosine, target);
  const apart = relu(addScalar(cosine, -(options.margin ?? 0)));
  return new Weighted(byTarget(signs(target), addScalar(neg(cosine), 1), apart));
}

/**
 * max(0, |anchor - positive| - |anchor - negative| + margin) with Euclidean distances (Schroff et al. 2015), mean over rows `[batch, ..., features]`.
 * `swap`: the distance of positive and negative counts where it is the smaller one.
 */
export function tripletMargin(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: { margin?: number; eps?: number; swap?: boolean } = {},
): Weighted {
  expectSameShape('tripletMargin', 'anchor', anchor, positive);
  expectSameShape('tripletMargin', 'anchor', anchor, negative);
  const { margin = 1, eps = 1e-6, swap = false } = options;
  const toPositive = pairwiseDistance(anchor, positive, eps);
  const toNegative = pairwiseDistance(anchor, negative, eps);
  const far = swap ? minimum(toNegative, pairwiseDistance(positive, negative, eps)) : toNegative;
  return new Weighted(relu(addScalar(sub(toPositive, far), margin)));
}

/** `same` where the target is 1, `other` where it is -1. */
const byTarget = (target: Tensor, same: Tensor, other: Tensor): Tensor => {
  const isSame = addScalar(mulScalar(target, 0.5), 0.5);
  return add(mul(same, isSame), mul(other, addScalar(neg(isSame), 1)));
};
