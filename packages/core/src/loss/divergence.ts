import type { Tensor } from '../graph/tensor.ts';
import { add, addScalar, mul, mulScalar, square, sub } from '../ops/arithmetic.ts';
import { checkValues } from '../ops/check-values.ts';
import { maximum } from '../ops/compare.ts';
import { exp, log } from '../ops/elementwise.ts';
import { full } from '../ops/leaf.ts';
import { expectSameShape } from './same-shape.ts';
import { Weighted } from './weighted.ts';

/** The smallest normal f32: 0 times its logarithm is 0. */
const smallest = 2 ** -126;

/**
 * Kullback-Leibler divergence KL(target || prediction), summed over everything but the batch, mean over the batch (PyTorch's `batchmean`).
 *
 * @param logPrediction log probabilities, e.g. of `logSoftmax`
 * @param target probabilities, or with `logTarget` their logarithms
 */
export function klDiv(logPrediction: Tensor, target: Tensor, options: { logTarget?: boolean } = {}): Weighted {
  expectSameShape('klDiv', 'log probabilities', logPrediction, target);
  if (options.logTarget) return new Weighted(mul(exp(target), sub(target, logPrediction))).sumPerSample();
  const t = checkValues(target, { what: 'target', low: 0, high: 1 });
  return new Weighted(mul(t, sub(log(maximum(t, full([], smallest))), logPrediction))).sumPerSample();
}

/**
 * KL divergence of independent normal numbers of the given mean and logarithm of the variance from N(0, 1), summed over everything but the batch, mean
 * over the batch: (e^v + mean^2 - 1 - v) / 2 (Kingma and Welling 2014).
 */
export function gaussianKl(mean: Tensor, logVariance: Tensor): Weighted {
  expectSameShape('gaussianKl', 'mean', mean, logVariance);
  const each = sub(add(exp(logVariance), square(mean)), addScalar(logVariance, 1));
  return new Weighted(mulScalar(each, 0.5)).sumPerSample();
}
