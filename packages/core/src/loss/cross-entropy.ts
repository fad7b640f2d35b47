import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { addScalar, mul, mulScalar, neg } from '../ops/arithmetic.ts';
import { axisOf, fixedSize } from '../ops/check.ts';
import { checkValues, wholeNumbers } from '../ops/check-values.ts';
import { softmaxCrossEntropy } from '../ops/cross-entropy.ts';
import { gatherLast, replaceIndex } from '../ops/indexing.ts';
import { permute } from '../ops/movement.ts';
import { softCrossEntropy, weightedCrossEntropy } from '../ops/soft-cross-entropy.ts';
import { classWeights, labelWeights, noLabel } from './label-weights.ts';
import { Weighted } from './weighted.ts';

export interface NllOptions {
  /** One weight for each class. The mean is over the weights of the labels, as in PyTorch. */
  readonly weight?: readonly number[];
  /** Labels of this value count neither in the sum nor in the weight. */
  readonly ignoreIndex?: number;
  /** Where the classes are; default: the last axis. PyTorch has them at 1. */
  readonly axis?: number;
}

export interface CrossEntropyOptions extends NllOptions {
  /** Share of the target that is spread over all classes (Szegedy et al. 2016), in [0, 1]. */
  readonly labelSmoothing?: number;
}

/**
 * -log softmax(logits)[label], mean over labels: logits `[batch, ..., classes]`, labels `[batch, ...]` of whole numbers. A label outside of
 * the classes stops the run with an error that names the sample. f32 targets of the shape of logits are taken as probabilities of the classes.
 *
 * @throws UsageError for class weights that are not one for each class, or a smoothing outside of [0, 1]
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Weighted {
  const { weight, ignoreIndex, labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new UsageError(`crossEntropy: labelSmoothing must be in [0, 1], not ${labelSmoothing}.`);
  }
  const x = classesLast(logits, options.axis);
  if (labels.dtype === 'f32' && labels.rank === logits.rank) return soft(x, classesLast(labels, options.axis), options);
  const index = wholeNumbers(labels, 'label');
  const plain = weight === undefined && labelSmoothing === 0;
  const weights = plain ? undefined : classWeights('crossEntropy', weight, classesOf(x));
  const values = weights
    ? weightedCrossEntropy(x, index, weights, { ignoreIndex: ignoreIndex ?? noLabel, smoothing: labelSmoothing })
    : softmaxCrossEntropy(x, index, ignoreIndex ?? noLabel);
  return new Weighted(values, labelWeights(index, ignoreIndex, weight && weights));
}

/** Against probabilities, mean over rows whatever the class weights. */
function soft(x: Tensor, targets: Tensor, { weight, ignoreIndex, labelSmoothing = 0 }: CrossEntropyOptions): Weighted {
  if (ignoreIndex !== undefined) {
    throw new UsageError('crossEntropy: ignoreIndex is for labels; with probabilities as targets use .weighted(mask).');
  }
  let shares = checkValues(targets, { what: 'target', low: 0, high: 1 });
  if (labelSmoothing > 0) shares = addScalar(mulScalar(shares, 1 - labelSmoothing), labelSmoothing / classesOf(x));
  if (weight) shares = mul(shares, classWeights('crossEntropy', weight, classesOf(x)));
  return new Weighted(softCrossEntropy(x, shares));
}

/** -x[label], mean over labels, for log probabilities x: `crossEntropy` without its softmax. */
export function nll(logProbabilities: Tensor, labels: Tensor, options: NllOptions = {}): Weighted {
  const { weight, ignoreIndex } = options;
  const x = classesLast(logProbabilities, options.axis);
  const index = wholeNumbers(labels, 'label');
  const values = neg(gatherLast(x, ignoreIndex === undefined ? index : replaceIndex(index, ignoreIndex, 0)));
  const weights = labelWeights(index, ignoreIndex, weight && classWeights('nll', weight, classesOf(x)));
  return new Weighted(weights ? mul(values, weights) : values, weights);
}

function classesLast(x: Tensor, axis = -1): Tensor {
  const at = axisOf(x.shape, axis);
  return permute(x, [...x.shape.keys()].filter((i) => i !== at).concat(at));
}

const classesOf = (x: Tensor): number => fixedSize(x.shape.at(-1) as number, 'the number of classes');
