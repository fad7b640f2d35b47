import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { Dropout, LayerNorm, Linear } from './layers.ts';
import { Module } from './module.ts';
import { type AttentionMask, MultiheadAttention } from './multihead-attention.ts';

export interface TransformerLayerOptions {
  /** Width of the hidden layer; default 2048. */
  readonly dimFeedforward?: number;
  /** Probability of dropping, of attention weights, hidden values and both residual branches; default 0.1. */
  readonly dropout?: number;
  /** Default 'relu'. */
  readonly activation?: 'relu' | 'gelu' | ((x: Tensor) => Tensor);
  /** Default 1e-5. */
  readonly layerNormEps?: number;
  /** Norms before attention and hidden layer instead of after the sums; default false. */
  readonly normFirst?: boolean;
  /** Default true. */
  readonly bias?: boolean;
}

/** What both kinds of layer have: the hidden layer, and norms and dropout around branches. */
abstract class TransformerLayer extends Module {
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  protected readonly normFirst: boolean;
  readonly #activation: (x: Tensor) => Tensor;

  constructor(dModel: number, { dimFeedforward = 2048, dropout = 0.1, ...options }: TransformerLayerOptions) {
    super();
    const { activation = 'relu', bias = true, normFirst = false } = options;
    if (typeof activation !== 'function' && activation !== 'relu' && activation !== 'gelu')
      throw new UsageError(`activation must be "relu", "gelu" or a function, not "${String(activation)}".`);
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.normFirst = normFirst;
    this.#activation = typeof activation === 'function' ? activation : { relu: ops.relu, gelu: ops.gelu }[activation];
  }

  protected feedForward(x: Tensor): Tensor {
    return this.linear2.forward(this.dropout.forward(this.#activation(this.linear1.forward(x))));
  }

  /** x + branch(norm x), or norm(x + branch x). */
  protected residual(x: Tensor, norm: LayerNorm, drop: Dropout, branch: (x: Tensor) => Tensor): Tensor {
    if (this.normFirst) return x.add(drop.forward(branch(norm.forward(x))));
    return norm.forward(x.add(drop.forward(branch(x))));
  }
}

const normOf = (dModel: number, { layerNormEps = 1e-5, bias = true }: TransformerLayerOptions): LayerNorm =>
  new LayerNorm(dModel, { eps: layerNormEps, bias });

/** Self-attention and a hidden layer, each with its residual branch (Vaswani et al. 2017): `[batch, tokens, dModel]` to the same. */
export class TransformerEncoderLayer extends TransformerLayer {
  selfAttn: MultiheadAttention;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;

  /** @throws UsageError where `dModel` is not a multiple of `nhead` */
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, options);
    const { dropout = 0.1, bias = true } = options;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias });
    this.norm1 = normOf(dModel, options);
    this.norm2 = normOf(dModel, options);
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  forward(src: Tensor, mask: AttentionMask = {}): Tensor {
    const attended = this.residual(src, this.norm1, this.dropout1, (x) => this.selfAttn.forward(x, x, x, mask));
    return this.residual(attended, this.norm2, this.dropout2, (x) => this.feedForward(x));
  }
}

/** Masks of a decoder: of its own positions (`tgt`) and of what it looks at (`memory`). */
export interface DecoderMasks {
  /** Default: each position sees itself and earlier ones. PyTorch's layer sees everything unless told. */
  readonly tgt?: AttentionMask;
  readonly memory?: AttentionMask;
}

/**
 * Self-attention, attention to `memory` and a hidden layer: tgt `[batch, tokens, dModel]` and memory `[batch, memoryTokens, dModel]` to
 * `[batch, tokens, dModel]`. Causal unless `tgt` says otherwise.
 */
export class TransformerDecoderLayer extends TransformerLayer {
  selfAttn: MultiheadAttention;
  multiheadAttn: MultiheadAttention;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;

  /** @throws UsageError where `dModel` is not a multiple of `nhead` */
  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, options);
    const { dropout = 0.1, bias = true } = options;
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias });
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, bias });
    this.norm1 = normOf(dModel, options);
    this.norm2 = normOf(dModel, options);
    this.norm3 = normOf(dModel, options);
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
  }

  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const first = this.#attendToItself(tgt, masks);
    const second = this.residual(first, this.norm2, this.dropout2, (x) =>
      this.multiheadAttn.forward(x, memory, memory, masks.memory),
    );
    return this.residual(second, this.norm3, this.dropout3, (x) => this.feedForward(x));
  }

  /** The weights with which each position looks at `memory`, `[batch, heads, tokens, memoryTokens]`. */
  attentionWeights(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const first = this.#attendToItself(tgt, masks);
    const query = this.normFirst ? this.norm2.forward(first) : first;
    return this.multiheadAttn.attentionWeights(query, memory, masks.memory);
  }

  #attendToItself(tgt: Tensor, masks: DecoderMasks): Tensor {
    const own = { isCausal: true, ...masks.tgt };
    return this.residual(tgt, this.norm1, this.dropout1, (x) => this.selfAttn.forward(x, x, x, own));
  }
}

/** `numLayers` layers made by `layer`, one after the other, and a norm at the end if one is given. */
export class TransformerEncoder extends Module {
  layers: TransformerEncoderLayer[];
  norm: LayerNorm | undefined;

  constructor(layer: () => TransformerEncoderLayer, numLayers: number, norm?: LayerNorm) {
    super();
    this.layers = Array.from({ length: numLayers }, layer);
    this.norm = norm;
  }

  forward(src: Tensor, mask: AttentionMask = {}): Tensor {
    const y = this.layers.reduce((x, layer) => layer.forward(x, mask), src);
    return this.norm ? this.norm.forward(y) : y;
  }
}

/** As `TransformerEncoder`, of decoder layers that all look at the same memory. */
export class TransformerDecoder extends Module {
  layers: TransformerDecoderLayer[];
  norm: LayerNorm | undefined;

  constructor(layer: () => TransformerDecoderLayer, numLayers: number, norm?: LayerNorm) {
    super();
    this.layers = Array.from({ length: numLayers }, layer);
    this.norm = norm;
  }

  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const y = this.layers.reduce((x, layer) => layer.forward(x, memory, masks), tgt);
    return this.norm ? this.norm.forward(y) : y;
  }

  /** The weights of each layer with which the positions look at `memory`, first to last. */
  attentionWeights(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor[] {
    let x = tgt;
    return this.layers.map((layer) => {
      const weights = layer.attentionWeights(x, memory, masks);
      x = layer.forward(x, memory, masks);
      return weights;
    });
  }
}
