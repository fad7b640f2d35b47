import type { Size } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import type { Initializer } from './init.ts';
import { Dropout, Linear } from './layers.ts';
import { Module } from './module.ts';

export interface AttentionOptions {
  readonly bias?: boolean;
  /** Probability of dropping an attention weight. */
  readonly dropout?: number;
  readonly init?: Initializer;
  readonly projectionInit?: Initializer;
}

/** Multi-head self-attention in which a position sees itself and earlier ones: `[batch, time, width]` to the same. */
export class CausalSelfAttention extends Module {
  query: Linear;
  key: Linear;
  value: Linear;
  projection: Linear;
  dropout: Dropout;
  readonly #heads: number;

  constructor(width: number, heads: number, options: AttentionOptions = {}) {
    super();
    if (width % heads !== 0)
      throw new RangeError(`CausalSelfAttention: width ${width} is not a multiple of ${heads} heads.`);
    const linear = (init?: Initializer) =>
      new Linear(width, width, { bias: options.bias ?? true, ...(init && { init }) });
    this.query = linear(options.init);
    this.key = linear(options.init);
    this.value = linear(options.init);
    this.projection = linear(options.projectionInit ?? options.init);
    this.dropout = new Dropout(options.dropout ?? 0);
    this.#heads = heads;
  }

  forward(x: Tensor): Tensor {
    const [batch, time, width] = x.shape as [Size, number, number];
    const heads = (t: Tensor) => t.reshape([batch, time, this.#heads, width / this.#heads]).permute([0, 2, 1, 3]);
    const [q, k, v] = [this.query, this.key, this.value].map((layer) => heads(layer.forward(x))) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const scores = q.matmul(k, { transB: true });
    const weights = ops.causalSoftmax(scores, 1 / Math.sqrt(width / this.#heads));
    const y = this.dropout.forward(weights).matmul(v);
    return this.projection.forward(y.permute([0, 2, 1, 3]).reshape([batch, time, width]));
  }
}
