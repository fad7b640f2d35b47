import { ShapeError } from '../errors.ts';
import { sameShape, shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add, div, mul, mulScalar } from '../ops/arithmetic.ts';
import { equal } from '../ops/compare.ts';
import { full, ones } from '../ops/leaf.ts';
import { sum } from '../ops/stretch.ts';

/**
 * Values per sample or token and their weights. Lockstep sums values and weights over all shards and divides once: a mean
 * that is right for unequal shards and masked tokens.
 */
export class Weighted {
  /** Already multiplied by the weight, e.g. 0 at masked tokens. */
  readonly values: Tensor;
  /** Of the same shape; undefined = 1 each. */
  readonly weights: Tensor | undefined;

  constructor(values: Tensor, weights?: Tensor) {
    if (weights && !sameShape(values.shape, weights.shape)) {
      throw new ShapeError(
        `loss: values ${shapeText(values.shape)} and weights ${shapeText(weights.shape)} differ in shape.`,
      );
    }
    this.values = values;
    this.weights = weights;
  }

  static from(value: Tensor | Weighted): Weighted {
    return value instanceof Weighted ? value : new Weighted(value);
  }

  /** The sum of two losses over the same samples with the same weights. */
  add(other: Weighted | Tensor): Weighted {
    const right = Weighted.from(other);
    if (this.weights !== right.weights || !sameShape(this.values.shape, right.values.shape)) {
      throw new ShapeError(
        `loss.add: terms of ${shapeText(this.values.shape)} and ${shapeText(right.values.shape)} with different weights have no common mean; ` +
          'make one value a sample of each (meanPerSample or sumPerSample) before adding them.',
      );
    }
    return new Weighted(add(this.values, right.values), this.weights);
  }

  /** Times a constant or a scalar of the step. */
  mul(factor: number | Tensor): Weighted {
    return new Weighted(
      typeof factor === 'number' ? mulScalar(this.values, factor) : mul(this.values, factor),
      this.weights,
    );
  }

  /** Every value times `by`, which counts in the divisor too: a mean over the samples or tokens where a mask is 1. `by` is stretched. */
  weighted(by: Tensor): Weighted {
    const weights = mul(this.weightsOrOnes(), by);
    if (!sameShape(weights.shape, this.values.shape)) {
      throw new ShapeError(
        `loss.weighted: weights ${shapeText(by.shape)} do not stretch to the values' shape ${shapeText(this.values.shape)}.`,
      );
    }
    return new Weighted(mul(this.values, by), weights);
  }

  /** One value a sample: the sum over everything but the batch. The mean is over samples then. */
  sumPerSample(): Weighted {
    return new Weighted(sumOverSample(this.values));
  }

  /** One value a sample: its own mean, so that a long sample counts as much as a short one. 0 for a sample of weight 0. */
  meanPerSample(): Weighted {
    const total = sumOverSample(this.weightsOrOnes());
    const empty = equal(total, full([], 0));
    return new Weighted(div(sumOverSample(this.values), add(total, empty)));
  }

  weightsOrOnes(): Tensor {
    return this.weights ?? ones(this.values.shape);
  }
}

const sumOverSample = (x: Tensor): Tensor => (x.rank > 1 ? sum(x, [...x.shape.keys()].slice(1)) : x);
