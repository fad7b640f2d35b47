import type { Tensor } from '../graph/tensor.ts';
import { addScalar, neg } from '../ops/arithmetic.ts';
import { equal } from '../ops/compare.ts';
import { softmaxCrossEntropy } from '../ops/cross-entropy.ts';
import { full } from '../ops/leaf.ts';
import { cast } from '../ops/movement.ts';
import { Weighted } from './weighted.ts';

export interface CrossEntropyOptions {
  /** Labels of this value count neither in the sum nor in the weight. */
  readonly ignoreIndex?: number;
}

/**
 * -log softmax(logits)[label], mean over labels: logits `[batch, ..., classes]`, labels `[batch, ...]` of whole numbers. A label outside of
 * the classes stops the run with an error that names the sample.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Weighted {
  const index = cast(labels, 'i32');
  if (options.ignoreIndex === undefined) return new Weighted(softmaxCrossEntropy(logits, index, noLabel));
  const ignored = equal(cast(index, 'f32'), full([], options.ignoreIndex));
  return new Weighted(softmaxCrossEntropy(logits, index, options.ignoreIndex), addScalar(neg(ignored), 1));
}

/** A value that no data holds, so that every label is checked. */
const noLabel = -(2 ** 31);
