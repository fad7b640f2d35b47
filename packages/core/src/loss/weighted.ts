import { ShapeError } from '../errors.ts';
import { sameShape, shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add, mul, mulScalar } from '../ops/arithmetic.ts';
import { ones } from '../ops/leaf.ts';

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
          'normalise each per sample (to one value a sample) before adding them.',
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

  weightsOrOnes(): Tensor {
    return this.weights ?? ones(this.values.shape);
  }
}
