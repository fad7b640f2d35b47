import { ShapeError, UsageError } from '../errors.ts';
import { shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { xavierUniform, zeros } from './init.ts';
import { Linear } from './layers.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

export interface MultiheadAttentionOptions {
  /** Probability of dropping an attention weight while training; default 0. */
  readonly dropout?: number;
  /** Biases of all projections; default true. */
  readonly bias?: boolean;
  /** Width of the keys; default `embedDim`. */
  readonly kdim?: number;
  /** Width of the values; default `embedDim`. */
  readonly vdim?: number;
}

/** What a query may see. */
export interface AttentionMask {
  /** Non-zero at keys that nobody sees (padding): i32 or u8 `[batch, keys]`. */
  readonly keyPaddingMask?: Tensor;
  /** Non-zero where a query may **not** see a key, as in PyTorch: i32 or u8, broadcasts to `[batch, heads, queries, keys]`. */
  readonly attnMask?: Tensor;
  /** Each position sees itself and earlier ones. */
  readonly isCausal?: boolean;
  /** Local attention: see `ops.scaledDotProductAttention`. */
  readonly window?: number;
}

/**
 * Multi-head attention (Vaswani et al. 2017) with PyTorch's parameters and starting values: queries `[batch, queries, embedDim]`, keys
 * `[batch, keys, kdim]`, values `[batch, keys, vdim]` to `[batch, queries, embedDim]`. The batch always comes first.
 *
 * @throws UsageError where `embedDim` is not a multiple of `numHeads`
 */
export class MultiheadAttention extends Module {
  /** Rows of the queries', the keys' and the values' projection; where `kdim` or `vdim` differ, each has a weight of its own. */
  inProjWeight: Parameter | undefined;
  qProjWeight: Parameter | undefined;
  kProjWeight: Parameter | undefined;
  vProjWeight: Parameter | undefined;
  inProjBias: Parameter | undefined;
  outProj: Linear;
  readonly #width: number;
  readonly #heads: number;
  readonly #dropout: number;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { dropout = 0, bias = true, kdim = embedDim, vdim = embedDim } = options;
    if (!Number.isSafeInteger(numHeads) || numHeads < 1 || embedDim % numHeads !== 0)
      throw new UsageError(`MultiheadAttention: embedDim ${embedDim} is not a multiple of ${numHeads} heads.`);
    const weight = (rows: number, columns: number) => new Parameter([rows, columns], xavierUniform());
    if (kdim === embedDim && vdim === embedDim) this.inProjWeight = weight(3 * embedDim, embedDim);
    else {
      this.qProjWeight = weight(embedDim, embedDim);
      this.kProjWeight = weight(embedDim, kdim);
      this.vProjWeight = weight(embedDim, vdim);
    }
    this.inProjBias = bias ? new Parameter([3 * embedDim], zeros) : undefined;
    this.outProj = new Linear(embedDim, embedDim, { bias });
    if (bias) this.outProj.bias = new Parameter([embedDim], zeros);
    this.#width = embedDim;
    this.#heads = numHeads;
    this.#dropout = dropout;
  }

  /** Without `key` self-attention; without `value` the keys are the values. */
  forward(query: Tensor, key: Tensor = query, value: Tensor = key, mask: AttentionMask = {}): Tensor {
    const options = { ...this.#options(mask), dropout: this.#dropout };
    const y =
      query === key && key === value && this.inProjWeight
        ? ops.multiHeadSelfAttention(
            ops.linear(this.#checked(query), this.inProjWeight, this.inProjBias),
            this.#heads,
            options,
          )
        : ops.multiHeadAttention(
            this.#project(query, 0),
            this.#project(key, 1),
            this.#project(value, 2),
            this.#heads,
            options,
          );
    return this.outProj.forward(y);
  }

  /** The attention weights `[batch, heads, queries, keys]`, without dropout: to look at. */
  attentionWeights(query: Tensor, key: Tensor = query, mask: AttentionMask = {}): Tensor {
    return ops.multiHeadWeights(this.#project(query, 0), this.#project(key, 1), this.#heads, this.#options(mask));
  }

  #options({ keyPaddingMask, attnMask, isCausal, window }: AttentionMask): ops.DotProductAttentionOptions {
    return {
      keyPaddingMask,
      ...(attnMask && { mask: inverted(attnMask) }),
      ...(isCausal !== undefined && { causal: isCausal }),
      ...(window !== undefined && { window }),
    };
  }

  /** Projection 0 (queries), 1 (keys) or 2 (values). */
  #project(x: Tensor, part: 0 | 1 | 2): Tensor {
    const rows = (p: Tensor) => p.slice(0, part * this.#width, (part + 1) * this.#width);
    const own = [this.qProjWeight, this.kProjWeight, this.vProjWeight][part];
    const weight = own ?? rows(this.inProjWeight as Parameter);
    return ops.linear(this.#checked(x), weight, this.inProjBias && rows(this.inProjBias));
  }

  #checked(x: Tensor): Tensor {
    if (x.rank === 3) return x;
    throw new ShapeError(`MultiheadAttention: give [batch, tokens, width], not ${shapeText(x.shape)}.`);
  }
}

/** PyTorch's mask says what is hidden; the op's, what is seen. */
function inverted(attnMask: Tensor): Tensor {
  if (attnMask.dtype === 'f32')
    throw new ShapeError(
      "MultiheadAttention: attnMask must be i32 or u8, not f32; cast zeros and ones with .to('i32').",
    );
  return ops.equal(attnMask.to('f32'), ops.full([], 0)).to('i32');
}
