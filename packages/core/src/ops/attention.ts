import { ShapeError } from '../errors.ts';
import { isSymbolic, product, type Shape, type Size, shapeText } from '../graph/dim.ts';
import { ShapeRule } from '../graph/op.ts';
import { currentTrace } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import { visibleRange } from './attention-range.ts';
import { broadcastShape } from './broadcast.ts';
import { checkKeyPadding, composedWeights, type Masks, weightsOf } from './composed-attention.ts';
import { dropout } from './dropout.ts';
import { fusedAttention, fusedSelfAttention } from './fused-attention.ts';
import { matmul } from './matmul.ts';
import { cast, permute, slice } from './movement.ts';
import { expand, reshape } from './stretch.ts';

export interface DotProductAttentionOptions extends Masks {
  /** Query i sees keys up to i + keys - queries: the queries are the last positions of the keys. */
  readonly causal?: boolean;
  /**
   * Local attention. Causal: a query sees its own position and the `window` - 1 before it. Else: positions at most `window` away, on both
   * sides. What lies outside is not computed.
   */
  readonly window?: number;
  /** Factor of the scores; default 1 / sqrt(depth). */
  readonly scale?: number;
  /** Probability of dropping an attention weight while training. */
  readonly dropout?: number;
}

const defaultScale = (q: Tensor, scale: number | undefined): number =>
  Math.fround(scale ?? 1 / Math.sqrt(fixed(q, -1, 'the depth')));

const lengths = (q: Tensor, k: Tensor): [number, number] => [
  fixed(q, -2, 'the number of queries'),
  fixed(k, -2, 'the number of keys'),
];

function fixed(x: Tensor, axis: number, what: string): number {
  const size = x.shape.at(axis);
  if (size === undefined) throw new ShapeError(`attention: ${shapeText(x.shape)} needs at least two dimensions.`);
  if (isSymbolic(size)) throw new ShapeError(`attention: ${what} must be a fixed size, not ${size.toString()}.`);
  return size;
}

function leadingOf(tensors: readonly Tensor[]): Shape {
  try {
    return tensors.map(({ shape }): Shape => shape.slice(0, -2)).reduce(broadcastShape);
  } catch (error) {
    if (error instanceof ShapeRule) throw new ShapeError(`attention: ${error.message} (batch and heads).`);
    throw error;
  }
}

/**
 * softmax(q k^T / sqrt(depth)) v for q `[..., queries, depth]`, k `[..., keys, depth]` and v `[..., keys, width]` (Vaswani et al. 2017) to
 * `[..., queries, width]`; leading dimensions broadcast, the first is the batch.
 *
 * One kernel that keeps no matrix of queries x keys, forward or backward, unless `mask`, `bias` or (while training) `dropout` ask for one.
 *
 * @throws ShapeError where shapes or a mask's dtype do not fit; UsageError where `window` is below 1
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: DotProductAttentionOptions = {},
): Tensor {
  if (needsMatrix(options)) {
    const weights = attentionWeights(q, k, options);
    return matmul(dropout(weights, options.dropout ?? 0), v);
  }
  const range = visibleRange(...lengths(q, k), options);
  const leading = leadingOf([q, k, v]);
  const grouped = (x: Tensor) => {
    const [batch = 1, ...groups] = leading;
    return reshape(expand(x, [...leading, ...x.shape.slice(-2)]), [batch, product(groups), ...x.shape.slice(-2)]);
  };
  const y = fusedAttention(grouped(q), grouped(k), grouped(v), paddingOf(options, [...leading, ...lengths(q, k)]), {
    ...range,
    scale: defaultScale(q, options.scale),
    tokensFirst: false,
  });
  return reshape(y, [...leading, ...y.shape.slice(-2)]);
}

/** The weights that `scaledDotProductAttention` gives to the values, `[..., queries, keys]`, without dropout: to look at. */
export function attentionWeights(q: Tensor, k: Tensor, options: DotProductAttentionOptions = {}): Tensor {
  return composedWeights(q, k, defaultScale(q, options.scale), visibleRange(...lengths(q, k), options), options);
}

/** Attention weights from scores of any kind, `[batch, ..., queries, keys]`: their softmax over what a query may see, 0 elsewhere. */
export function maskedSoftmax(
  scores: Tensor,
  options: Omit<DotProductAttentionOptions, 'scale' | 'dropout'> = {},
): Tensor {
  const [queries, keys] = [fixed(scores, -2, 'the number of queries'), fixed(scores, -1, 'the number of keys')];
  return weightsOf(scores, visibleRange(queries, keys, options), options);
}

function needsMatrix({ mask, bias, dropout: p = 0 }: DotProductAttentionOptions): boolean {
  return mask !== undefined || bias !== undefined || (p !== 0 && currentTrace()?.training === true);
}

/** Padding as the kernel wants it: i32 `[batch, keys]`. @param scores shape of the weights */
function paddingOf({ keyPaddingMask }: Masks, scores: Shape): Tensor | undefined {
  if (!keyPaddingMask) return undefined;
  const [batch = 1] = scores.slice(0, -2);
  return reshape(cast(checkKeyPadding(keyPaddingMask, scores), 'i32'), [batch, scores.at(-1) as Size]);
}

const splitHeads = (x: Tensor, heads: number): Tensor => {
  const [batch, tokens, width] = x.shape as [Size, number, number];
  return reshape(x, [batch, tokens, heads, width / heads]);
};
const headsFirst = (x: Tensor, heads: number): Tensor => permute(splitHeads(x, heads), [0, 2, 1, 3]);
const mergeHeads = (x: Tensor): Tensor => {
  const [batch, tokens, heads, width] = x.shape as [Size, number, number, number];
  return reshape(x, [batch, tokens, heads * width]);
};

/**
 * `heads` attentions side by side: q `[batch, queries, width]`, k and v `[batch, keys, width]` to `[batch, queries, width]`, head h taking the
 * h-th part of each width. Masks are those of `[batch, heads, queries, keys]`.
 */
export function multiHeadAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  heads: number,
  options: DotProductAttentionOptions = {},
): Tensor {
  if (needsMatrix(options)) {
    const y = scaledDotProductAttention(headsFirst(q, heads), headsFirst(k, heads), headsFirst(v, heads), options);
    return mergeHeads(permute(y, [0, 2, 1, 3]));
  }
  const split = splitHeads(q, heads);
  const y = fusedAttention(split, splitHeads(k, heads), splitHeads(v, heads), paddingOf(options, scoresOf(q, k)), {
    ...visibleRange(...lengths(q, k), options),
    scale: defaultScale(split, options.scale),
    tokensFirst: true,
  });
  return mergeHeads(y);
}

/** As `multiHeadAttention` of the three thirds of `[batch, tokens, 3 * width]`, without taking them apart. */
export function multiHeadSelfAttention(qkv: Tensor, heads: number, options: DotProductAttentionOptions = {}): Tensor {
  const width = (qkv.shape.at(-1) as number) / 3;
  if (needsMatrix(options)) {
    const [q, k, v] = [0, 1, 2].map((i) => slice(qkv, -1, i * width, (i + 1) * width)) as [Tensor, Tensor, Tensor];
    return multiHeadAttention(q, k, v, heads, options);
  }
  return fusedSelfAttention(qkv, heads, paddingOf(options, scoresOf(qkv, qkv)), {
    ...visibleRange(...lengths(qkv, qkv), options),
    scale: Math.fround(options.scale ?? 1 / Math.sqrt(width / heads)),
  });
}

/** The weights of each head, `[batch, heads, queries, keys]`. */
export const multiHeadWeights = (
  q: Tensor,
  k: Tensor,
  heads: number,
  options: DotProductAttentionOptions = {},
): Tensor => attentionWeights(headsFirst(q, heads), headsFirst(k, heads), options);

const scoresOf = (q: Tensor, k: Tensor): Shape => [q.shape[0] as Size, ...lengths(q, k)];
