import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import type { Initializer } from './init.ts';
import { Linear } from './layers.ts';
import { Module } from './module.ts';

export interface AttentionOptions {
  readonly bias?: boolean;
  /** Probability of dropping an attention weight while training; above 0 the matrix of all weights is computed. */
  readonly dropout?: number;
  readonly init?: Initializer;
  readonly projectionInit?: Initializer;
}

/**
 * Multi-head self-attention in which a position sees itself and earlier ones: `[batch, time, width]` to the same. One product gives queries,
 * keys and values, as in GPT-2, and attention is one kernel whose memory is linear in the time.
 */
export class CausalSelfAttention extends Module {
  /** To queries, keys and values, one behind the other. */
  qkv: Linear;
  projection: Linear;
  readonly #heads: number;
  readonly #dropout: number;

  constructor(width: number, heads: number, options: AttentionOptions = {}) {
    super();
    const { bias = true, dropout = 0, init, projectionInit = init } = options;
    if (width % heads !== 0)
      throw new RangeError(`CausalSelfAttention: width ${width} is not a multiple of ${heads} heads.`);
    if (!(dropout >= 0 && dropout < 1))
      throw new RangeError(`CausalSelfAttention: dropout must be in [0, 1), not ${dropout}.`);
    this.qkv = new Linear(width, 3 * width, { bias, ...(init && { init }) });
    this.projection = new Linear(width, width, { bias, ...(projectionInit && { init: projectionInit }) });
    this.#heads = heads;
    this.#dropout = dropout;
  }

  forward(x: Tensor): Tensor {
    const options = { causal: true, dropout: this.#dropout };
    return this.projection.forward(ops.multiHeadSelfAttention(this.qkv.forward(x), this.#heads, options));
  }
}
