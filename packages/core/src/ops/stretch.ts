import { isSymbolic, product, quotient, type Shape, type Size, sameShape, shapeText } from '../graph/dim.ts';
import { apply, defineOp, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { axisOf, count, expectDType, leadingSymbolic, operand } from './check.ts';
import { type ShapeData, shapeData, shapeFrom } from './shape-data.ts';
import { emitStridedCopy, stridesOf } from './strided.ts';

// Reshape, expand and sum are each other's derivatives, so they live together.

const reshapeOp = defineOp({
  name: 'reshape',
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    const shape = shapeFrom(attributes.shape as ShapeData);
    if (!sameShape([product(x.shape)], [product(shape)])) {
      throw new ShapeRule(`${shapeText(x.shape)} does not have as many elements as ${shapeText(shape)}`);
    }
    return { shape, dtype: x.dtype };
  },
  alias: true,
  derivative: ({ inputs: [x], gradient }) => [reshape(gradient, (x as Tensor).shape)],
});

/** The same elements under another shape; one size may be -1. No copy. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.filter((size) => size !== -1);
  const missing = shape.length === known.length ? undefined : quotient(product(x.shape), product(known));
  const resolved = shape.map((size) => (size === -1 ? (missing ?? -1) : size));
  return sameShape(x.shape, resolved) ? x : apply(reshapeOp, [x], { shape: shapeData(resolved) });
}

/** Joins the dimensions `from` to `to` into one, as PyTorch's `flatten`: `[batch, 32, 7, 7]` from 1 on is `[batch, 1568]`. */
export function flatten(x: Tensor, from = 0, to = -1): Tensor {
  if (x.rank === 0) return reshape(x, [1]);
  const [first, last] = [axisOf(x.shape, from), axisOf(x.shape, to)];
  if (first > last) {
    throw new ShapeRule(`flatten: dimension ${from} lies behind ${to} in ${shapeText(x.shape)}; swap them.`);
  }
  return reshape(x, [...x.shape.slice(0, first), product(x.shape.slice(first, last + 1)), ...x.shape.slice(last + 1)]);
}

const expandOp = defineOp({
  name: 'expand',
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    const shape = shapeFrom(attributes.shape as ShapeData);
    const skip = shape.length - x.shape.length;
    const fits = skip >= 0 && x.shape.every((size, i) => size === 1 || sameShape([size], [shape[i + skip] as Size]));
    if (!fits) throw new ShapeRule(`${shapeText(x.shape)} does not broadcast to ${shapeText(shape)}`);
    return { shape, dtype: x.dtype };
  },
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const own = stridesOf(x.shape);
    const skip = e.shape.length - x.shape.length;
    const strides = e.shape.map((_, i) => (i < skip || x.shape[i - skip] === 1 ? 0 : (own[i - skip] as number)));
    emitStridedCopy(e, e.out, x.address, e.shape, strides, stridesOf(e.shape));
  },
  derivative: ({ inputs: [x], gradient }) => [sumTo(gradient, (x as Tensor).shape)],
});

/** Stretches dimensions of size 1 (and missing leading ones) in memory, as PyTorch's `expand().contiguous()`. */
export const expand = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : apply(expandOp, [x], { shape: shapeData(shape) });

/** The kernel goes by 32 columns, and has one such row for each open sub-tree of at most 2^31 segments. */
const segmentStackBytes = 32 * 32 * 4;

const sumOp = defineOp({
  name: 'sum',
  infer: (inputs, attributes) => {
    const x = expectDType(operand(inputs, 0), 'f32');
    const { from, to } = attributes as { from: number; to: number };
    return { shape: [...x.shape.slice(0, from), ...x.shape.slice(to)], dtype: 'f32' };
  },
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const { from, to } = e.attributes as { from: number; to: number };
    const outer = count(x.shape.slice(0, from));
    const reduce = count(x.shape.slice(from, to));
    const inner = count(x.shape.slice(to));
    const segments = from === 0 && inner > 1 ? e.segments(reduce) : undefined;
    if (segments && !segments.whole) {
      const scratch = e.scratch(segmentStackBytes);
      e.kernel('segmentSum', e.out, x.address, segments.address, segments.count, inner, scratch);
    } else e.kernel('reduceSum', e.out, x.address, outer, reduce, inner);
  },
  mixesRows: ([x], attributes) => attributes.from === 0 && leadingSymbolic(x?.shape ?? []),
  segmented: ([x], attributes) => {
    const { from, to } = attributes as { from: number; to: number };
    const inner = product(x?.shape.slice(to) ?? []);
    return from === 0 && !isSymbolic(inner) && inner > 1;
  },
  derivative: ({ inputs: [x], gradient, attributes }) => {
    const { from, to } = attributes as { from: number; to: number };
    const { shape } = x as Tensor;
    const kept = [...shape.slice(0, from), ...Array<Size>(to - from).fill(1), ...shape.slice(to)];
    return [expand(reshape(gradient, kept), shape)];
  },
});

/** Sums over `axes` (all where absent). Neighbouring axes are summed as one, from the last group to the first. */
export function sum(x: Tensor, axes?: number | readonly number[], keepDim = false): Tensor {
  const wanted = axes === undefined ? x.shape.map((_, i) => i) : [axes].flat().map((axis) => axisOf(x.shape, axis));
  const sorted = [...new Set(wanted)].sort((a, b) => b - a);
  let result = x;
  for (let i = 0; i < sorted.length; ) {
    const to = (sorted[i] as number) + 1;
    let from = to - 1;
    for (i++; sorted[i] === from - 1; i++) from--;
    result = apply(sumOp, [result], { from, to });
  }
  if (!keepDim) return result;
  return reshape(
    result,
    x.shape.map((size, i) => (sorted.includes(i) ? 1 : size)),
  );
}

/** The reverse of broadcasting: sums `x` over what was stretched, to `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const skip = x.shape.length - shape.length;
  const axes = x.shape.flatMap((size, i) => (i < skip || (shape[i - skip] === 1 && size !== 1) ? [i] : []));
  return reshape(axes.length > 0 ? sum(x, axes) : x, shape);
}
