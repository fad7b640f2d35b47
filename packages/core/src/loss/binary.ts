import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add, addScalar, mul, mulScalar, neg, sub } from '../ops/arithmetic.ts';
import { binaryCrossEntropy } from '../ops/binary-cross-entropy.ts';
import { checkValues } from '../ops/check-values.ts';
import { softplus } from '../ops/elementwise.ts';
import { tensor } from '../ops/leaf.ts';
import { expectSameShape } from './same-shape.ts';
import { Weighted } from './weighted.ts';

export interface BceOptions {
  /** Factor of each element's loss, stretched to its shape. The mean still counts every element once, as in PyTorch. */
  readonly weight?: Tensor;
}

export interface BceWithLogitsOptions extends BceOptions {
  /** Factor of the term of positive targets: one number, or one for each element of the last axis. */
  readonly posWeight?: number | readonly number[];
}

/**
 * -t ln sigmoid(x) - (1 - t) ln(1 - sigmoid(x)), mean over all elements, without overflow. A target outside of [0, 1] stops the run with an error
 * that names the sample.
 */
export function bceWithLogits(logits: Tensor, target: Tensor, options: BceWithLogitsOptions = {}): Weighted {
  expectSameShape('bceWithLogits', 'logits', logits, target);
  const t = probabilities(target);
  const { posWeight } = options;
  if (posWeight === undefined) return scaled(sub(softplus(logits), mul(logits, t)), options.weight);
  const positive = [posWeight].flat();
  const bad = positive.find((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (bad !== undefined) throw new UsageError(`bceWithLogits: posWeight ${bad} must be a number of at least 0.`);
  // (1 - t) x + (1 + (w - 1) t) ln(1 + e^-x)
  const extra =
    typeof posWeight === 'number' ? mulScalar(t, posWeight - 1) : mul(t, tensor(positive.map((weight) => weight - 1)));
  const rest = mul(addScalar(neg(t), 1), logits);
  return scaled(add(rest, mul(addScalar(extra, 1), softplus(neg(logits)))), options.weight);
}

/**
 * -t ln p - (1 - t) ln(1 - p), mean over all elements; a logarithm is never below -100, as in PyTorch. Probabilities or targets outside of [0, 1]
 * stop the run with an error that names the sample. `bceWithLogits` is more exact.
 */
export function bce(probability: Tensor, target: Tensor, options: BceOptions = {}): Weighted {
  expectSameShape('bce', 'probabilities', probability, target);
  const p = checkValues(probability, { what: 'probability', low: 0, high: 1, allowNaN: true });
  return scaled(binaryCrossEntropy(p, probabilities(target)), options.weight);
}

const probabilities = (target: Tensor): Tensor => checkValues(target, { what: 'target', low: 0, high: 1 });

const scaled = (values: Tensor, weight: Tensor | undefined): Weighted =>
  new Weighted(weight ? mul(values, weight) : values);
