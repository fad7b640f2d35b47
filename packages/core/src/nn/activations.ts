import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { Module } from './module.ts';

/** A layer without parameters from an op. */
function activation(op: (x: Tensor) => Tensor): new () => Module & { forward(x: Tensor): Tensor } {
  return class extends Module {
    forward(x: Tensor): Tensor {
      return op(x);
    }
  };
}

export const ReLU = activation(ops.relu);
export const Sigmoid = activation(ops.sigmoid);
export const Tanh = activation(ops.tanh);
export const SiLU = activation(ops.silu);
/** The layer that does nothing: a place holder, e.g. for a head that was taken off. */
export const Identity = activation((x) => x);

/** x above 0, `negativeSlope` x below. */
export class LeakyReLU extends Module {
  readonly #slope: number;

  constructor(negativeSlope = 0.01) {
    super();
    this.#slope = finite('LeakyReLU', 'negativeSlope', negativeSlope);
  }

  forward(x: Tensor): Tensor {
    return ops.leakyRelu(x, this.#slope);
  }
}

/** x above 0, alpha (e^x - 1) below (Clevert et al. 2016). */
export class ELU extends Module {
  readonly #alpha: number;

  constructor(alpha = 1) {
    super();
    this.#alpha = finite('ELU', 'alpha', alpha);
  }

  forward(x: Tensor): Tensor {
    return ops.elu(x, this.#alpha);
  }
}

/** x Phi(x), exact or by the tanh approximation (Hendrycks and Gimpel 2016). */
export class GELU extends Module {
  readonly #approximate: 'none' | 'tanh';

  constructor(options: { approximate?: 'none' | 'tanh' } = {}) {
    super();
    const { approximate = 'none' } = options;
    if (approximate !== 'none' && approximate !== 'tanh')
      throw new UsageError(`GELU: approximate must be "none" or "tanh", not "${String(approximate)}".`);
    this.#approximate = approximate;
  }

  forward(x: Tensor): Tensor {
    return this.#approximate === 'tanh' ? ops.geluTanh(x) : ops.gelu(x);
  }
}

/** ln(1 + e^(beta x)) / beta. */
export class Softplus extends Module {
  readonly #beta: number;

  constructor(options: { beta?: number } = {}) {
    super();
    this.#beta = finite('Softplus', 'beta', options.beta ?? 1);
    if (this.#beta === 0) throw new UsageError('Softplus: beta must not be 0.');
  }

  forward(x: Tensor): Tensor {
    const beta = this.#beta;
    return beta === 1 ? ops.softplus(x) : ops.mulScalar(ops.softplus(ops.mulScalar(x, beta)), 1 / beta);
  }
}

/** exp(x) / sum exp(x) along `dim`. */
export class Softmax extends Module {
  readonly #dim: number;

  constructor(dim = -1) {
    super();
    this.#dim = dim;
  }

  forward(x: Tensor): Tensor {
    return ops.softmax(x, this.#dim);
  }
}

/** log of softmax along `dim`, without overflow. */
export class LogSoftmax extends Module {
  readonly #dim: number;

  constructor(dim = -1) {
    super();
    this.#dim = dim;
  }

  forward(x: Tensor): Tensor {
    return ops.logSoftmax(x, this.#dim);
  }
}

/** Joins dimensions `startDim` to `endDim` into one: `[batch, 32, 7, 7]` to `[batch, 1568]`. */
export class Flatten extends Module {
  readonly #startDim: number;
  readonly #endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.#startDim = startDim;
    this.#endDim = endDim;
  }

  forward(x: Tensor): Tensor {
    return ops.flatten(x, this.#startDim, this.#endDim);
  }
}

function finite(layer: string, option: string, value: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new UsageError(`${layer}: ${option} must be a finite number, not ${String(value)}.`);
}
