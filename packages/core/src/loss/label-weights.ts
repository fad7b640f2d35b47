import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { mul } from '../ops/arithmetic.ts';
import { differs, embedding, replaceIndex } from '../ops/indexing.ts';
import { full, tensor } from '../ops/leaf.ts';

/** A value that no data holds, so that every label is checked. */
export const noLabel = -(2 ** 31);

/** One weight for each class as a tensor; 1 each where none are given. */
export function classWeights(loss: string, weights: readonly number[] | undefined, classes: number): Tensor {
  if (weights === undefined) return full([classes], 1);
  if (weights.length !== classes) {
    throw new UsageError(`${loss}: ${weights.length} class weights for ${classes} classes; give one for each.`);
  }
  const bad = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (bad >= 0) throw new UsageError(`${loss}: the weight of class ${bad} is ${weights[bad]}; use numbers from 0.`);
  return tensor(weights);
}

/**
 * What each label counts in the divisor: the weight of its class, 0 where it is ignored. undefined where all count 1. Made after the loss
 * itself, which is the one to complain of a label out of range.
 */
export function labelWeights(
  labels: Tensor,
  ignoreIndex: number | undefined,
  weights: Tensor | undefined,
): Tensor | undefined {
  const counted = ignoreIndex === undefined ? undefined : differs(labels, ignoreIndex);
  if (!weights) return counted;
  const inRange = ignoreIndex === undefined ? labels : replaceIndex(labels, ignoreIndex, 0);
  const own = embedding(weights, inRange);
  return counted ? mul(own, counted) : own;
}
