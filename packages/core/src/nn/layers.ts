import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { fanInUniform, type Initializer, normal, ones, zeros } from './init.ts';
import { type Layer, Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** y = x W^T + b: `[..., in]` to `[..., out]`. Weight `[out, in]`; both start uniform within 1/sqrt(in), as in PyTorch. */
export class Linear extends Module {
  weight: Parameter;
  bias: Parameter | undefined;

  constructor(inFeatures: number, outFeatures: number, options: { bias?: boolean; init?: Initializer } = {}) {
    super();
    this.weight = new Parameter([outFeatures, inFeatures], options.init ?? fanInUniform(inFeatures));
    this.bias = options.bias === false ? undefined : new Parameter([outFeatures], fanInUniform(inFeatures));
  }

  forward(x: Tensor): Tensor {
    return ops.linear(x, this.weight, this.bias);
  }
}

/** Rows of a table by i32 index: `[...]` to `[..., dim]`. Starts normal(0, 1). The row `paddingIndex` starts at 0 and is not trained. */
export class Embedding extends Module {
  weight: Parameter;
  readonly #paddingIndex: number | undefined;

  constructor(rows: number, dim: number, options: { init?: Initializer; paddingIndex?: number } = {}) {
    super();
    const { init = normal(1), paddingIndex } = options;
    this.#paddingIndex = paddingIndex;
    this.weight = new Parameter([rows, dim], paddingIndex === undefined ? init : withZeroRow(init, paddingIndex, dim));
  }

  forward(index: Tensor): Tensor {
    const options = this.#paddingIndex === undefined ? {} : { paddingIndex: this.#paddingIndex };
    return ops.embedding(this.weight, ops.wholeNumbers(index, 'index'), options);
  }
}

const withZeroRow =
  (init: Initializer, row: number, dim: number): Initializer =>
  (values, random, shape) => {
    init(values, random, shape);
    values.fill(0, row * dim, (row + 1) * dim);
  };

/** Normalises the last dimension to mean 0 and variance 1, then times weight plus bias (Ba et al. 2016). */
export class LayerNorm extends Module {
  weight: Parameter;
  bias: Parameter | undefined;
  readonly #eps: number;

  constructor(size: number, options: { eps?: number; bias?: boolean } = {}) {
    super();
    this.#eps = options.eps ?? 1e-5;
    this.weight = new Parameter([size], ones);
    this.bias = options.bias === false ? undefined : new Parameter([size], zeros);
  }

  forward(x: Tensor): Tensor {
    return ops.layerNorm(x, this.weight, this.bias, this.#eps);
  }
}

/** Zeroes elements with probability p while training and scales the rest by 1/(1-p). */
export class Dropout extends Module {
  readonly #p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new RangeError(`Dropout: p must be in [0, 1), not ${p}.`);
    this.#p = p;
  }

  forward(x: Tensor): Tensor {
    return ops.dropout(x, this.#p);
  }
}

/** Layers one after the other, with the names `0`, `1`, ...; functions from tensor to tensor may stand between them and are counted. */
export class Sequential extends Module {
  readonly [index: number]: Layer | ((x: Tensor) => Tensor);
  readonly #layers: readonly (Layer | ((x: Tensor) => Tensor))[];

  constructor(...layers: (Layer | ((x: Tensor) => Tensor))[]) {
    super();
    this.#layers = layers;
    Object.assign(this, layers);
  }

  forward(x: Tensor): Tensor {
    return this.#layers.reduce((y, layer) => (typeof layer === 'function' ? layer(y) : layer.forward(y)), x);
  }
}
