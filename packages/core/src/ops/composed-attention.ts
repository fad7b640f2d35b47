import { ShapeError } from '../errors.ts';
import { type Shape, sameShape, shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add, addScalar, mul, mulScalar, neg, sub } from './arithmetic.ts';
import { everything, type VisibleRange } from './attention-range.ts';
import { broadcastShape } from './broadcast.ts';
import { equal, greaterEqual, where } from './compare.ts';
import { full, tensor } from './leaf.ts';
import { matmul } from './matmul.ts';
import { cast } from './movement.ts';
import { causalSoftmax, softmax } from './softmax.ts';
import { reshape } from './stretch.ts';

/** What hides keys from queries, besides their places. */
export interface Masks {
  /** i32 or u8, non-zero where a query may see a key; broadcasts to `[..., queries, keys]`. */
  readonly mask?: Tensor | undefined;
  /** i32 or u8 `[batch, keys]`, non-zero at padding, which nobody sees. */
  readonly keyPaddingMask?: Tensor | undefined;
  /** f32, added to the scaled scores; broadcasts to `[..., queries, keys]`. */
  readonly bias?: Tensor | undefined;
}

/** As f32: any difference to it leaves nothing of a weight. */
const lowest = -3.4028234663852886e38;

/**
 * Attention weights `[..., queries, keys]` as a matrix: softmax of the scaled scores over the keys that a query may see, 0 at the others
 * and throughout for a query that sees nothing.
 */
export function composedWeights(q: Tensor, k: Tensor, scale: number, range: VisibleRange, masks: Masks = {}): Tensor {
  const scores = matmul(q, k, { transB: true });
  const [queries, keys] = scores.shape.slice(-2) as [number, number];
  const causal = range.low < -keys && range.high === keys - queries;
  if (causal && !masks.mask && !masks.keyPaddingMask && !masks.bias) return causalSoftmax(scores, scale);
  return weightsOf(mulScalar(scores, scale), range, masks);
}

/** As `composedWeights`, from scores `[..., queries, keys]` of any kind. */
export function weightsOf(scores: Tensor, range: VisibleRange, masks: Masks = {}): Tensor {
  const [queries, keys] = scores.shape.slice(-2) as [number, number];
  const biased = masks.bias ? add(scores, fitting('bias', masks.bias, scores.shape)) : scores;
  const seen = [
    ...(range === everything ? [] : [placesSeen(queries, keys, range)]),
    ...(masks.keyPaddingMask ? [equal(cast(keyPadding(masks.keyPaddingMask, scores.shape), 'f32'), full([], 0))] : []),
    ...(masks.mask ? [isNot(cast(fitting('mask', masks.mask, scores.shape), 'f32'), 0)] : []),
  ].reduce<Tensor | undefined>((a, b) => (a ? mul(a, b) : b), undefined);
  if (!seen) return softmax(biased);
  return mul(softmax(where(seen, biased, full([], lowest))), seen);
}

const isNot = (x: Tensor, value: number): Tensor => addScalar(neg(equal(x, full([], value))), 1);

/** 1 where low <= j - i <= high, as `[queries, keys]`. */
function placesSeen(queries: number, keys: number, { low, high }: VisibleRange): Tensor {
  const from0 = (length: number) => Float32Array.from({ length }, (_, i) => i);
  const distance = sub(tensor(from0(keys), { shape: [1, keys] }), tensor(from0(queries), { shape: [queries, 1] }));
  return mul(greaterEqual(distance, full([], low)), greaterEqual(full([], high), distance));
}

/** `[batch, keys]` with ones between, so that it broadcasts. */
function keyPadding(mask: Tensor, scores: Shape): Tensor {
  return reshape(checkKeyPadding(mask, scores), [
    ...scores.slice(0, -2).map((size, i) => (i === 0 ? size : 1)),
    1,
    scores.at(-1) as number,
  ]);
}

/** @param scores shape of the attention weights, `[batch, ..., queries, keys]` */
export function checkKeyPadding(mask: Tensor, scores: Shape): Tensor {
  const wanted = [...scores.slice(0, -2).slice(0, 1), scores.at(-1) as number];
  if (!sameShape(mask.shape, wanted)) {
    throw new ShapeError(
      `attention: keyPaddingMask ${shapeText(mask.shape)} does not fit; give ${shapeText(wanted)}, one number for each key.`,
    );
  }
  return checkMask('keyPaddingMask', mask);
}

function checkMask(name: string, mask: Tensor): Tensor {
  if (mask.dtype === 'f32') {
    throw new ShapeError(
      `attention: ${name} is f32, which could mean numbers to add; give zeros and ones as i32 (.to('i32')), or add numbers by bias.`,
    );
  }
  return mask;
}

function fitting(name: 'mask' | 'bias', x: Tensor, scores: Shape): Tensor {
  if (name === 'mask') checkMask(name, x);
  else if (x.dtype !== 'f32') throw new ShapeError(`attention: bias must be f32, not ${x.dtype}.`);
  if (!broadcastsTo(x.shape, scores)) {
    throw new ShapeError(
      `attention: ${name} ${shapeText(x.shape)} does not broadcast to the weights ${shapeText(scores)} (batch, heads, queries, keys).`,
    );
  }
  return x;
}

function broadcastsTo(shape: Shape, target: Shape): boolean {
  try {
    return sameShape(broadcastShape(shape, target), target);
  } catch {
    return false;
  }
}
