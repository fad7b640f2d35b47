import type { Size } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { Linear } from './layers.ts';
import { Module } from './module.ts';
import type { AttentionMask } from './multihead-attention.ts';

/** What hides keys where every query sees the same. */
export type PaddingMask = Pick<AttentionMask, 'keyPaddingMask'>;

/**
 * Additive attention (Bahdanau et al. 2015): weights softmax(v . tanh(W q + U k)) over the keys. Queries `[batch, queries, queryDim]`, keys
 * `[batch, keys, keyDim]`, values `[batch, keys, width]` (default: the keys) to `[batch, queries, width]`.
 */
export class AdditiveAttention extends Module {
  query: Linear;
  key: Linear;
  energy: Linear;

  constructor(queryDim: number, keyDim: number, hiddenDim: number) {
    super();
    this.query = new Linear(queryDim, hiddenDim, { bias: false });
    this.key = new Linear(keyDim, hiddenDim, { bias: false });
    this.energy = new Linear(hiddenDim, 1, { bias: false });
  }

  forward(query: Tensor, key: Tensor, value: Tensor = key, mask: PaddingMask = {}): Tensor {
    return this.attentionWeights(query, key, mask).matmul(value);
  }

  /** `[batch, queries, keys]` */
  attentionWeights(query: Tensor, key: Tensor, mask: PaddingMask = {}): Tensor {
    return ops.maskedSoftmax(this.scores(query, key), mask);
  }

  /** v . tanh(W q + U k), `[batch, queries, keys]`. */
  scores(query: Tensor, key: Tensor): Tensor {
    const [q, k] = [this.query.forward(query), this.key.forward(key)];
    const [batch, queries, hidden] = q.shape as [Size, number, number];
    const keys = k.shape[1] as number;
    const sums = q.reshape([batch, queries, 1, hidden]).add(k.reshape([batch, 1, keys, hidden]));
    return this.energy.forward(sums.tanh()).reshape([batch, queries, keys]);
  }
}
