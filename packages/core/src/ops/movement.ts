import { type DType, isSymbolic, type Shape, type Size, sameShape, shapeText } from '../graph/dim.ts';
import { apply, defineOp, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { axisOf, count, fixedSize, operand } from './check.ts';
import { emitStridedCopy, maxRank, stridesOf } from './strided.ts';

const permuteOp = defineOp({
  name: 'permute',
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    const axes = attributes.axes as readonly number[];
    const whole = axes.length === x.shape.length && x.shape.every((_, i) => axes.includes(i));
    if (!whole) throw new ShapeRule(`axes [${axes.join(', ')}] are no permutation of the ${x.shape.length} dimensions`);
    if (axes.length > maxRank) throw new ShapeRule(`at most ${maxRank} dimensions`);
    return { shape: axes.map((axis) => x.shape[axis] as Size), dtype: x.dtype };
  },
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const strides = stridesOf(x.shape);
    const axes = e.attributes.axes as readonly number[];
    emitStridedCopy(
      e,
      e.out,
      x.address,
      e.shape,
      axes.map((axis) => strides[axis] as number),
      stridesOf(e.shape),
    );
  },
  derivative: ({ gradient, attributes }) => {
    const axes = attributes.axes as readonly number[];
    return [
      permute(
        gradient,
        axes.map((_, i) => axes.indexOf(i)),
      ),
    ];
  },
});

/** Reorders the dimensions (in memory). */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  return axes.every((axis, i) => axis === i) && axes.length === x.rank ? x : apply(permuteOp, [x], { axes: [...axes] });
}

/** Swaps two dimensions. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const axes = x.shape.map((_, i) => i);
  const [i, j] = [axisOf(x.shape, a), axisOf(x.shape, b)];
  [axes[i], axes[j]] = [j, i];
  return permute(x, axes);
}

const sliceOp = defineOp({
  name: 'slice',
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    const { axis, from, to } = attributes as { axis: number; from: number; to: number };
    const size = fixedSize(x.shape[axis] as Size, `the sliced axis ${axis}`);
    if (!(from >= 0 && from < to && to <= size))
      throw new ShapeRule(`[${from}, ${to}) is outside of axis ${axis} of size ${size}`);
    return { shape: x.shape.map((s, i) => (i === axis ? to - from : s)), dtype: x.dtype };
  },
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const { axis, from } = e.attributes as { axis: number; from: number };
    const [shape, strides, outStrides, step] = threeDims(x.shape, axis, e.shape[axis] as number);
    emitStridedCopy(e, e.out, x.address + from * step * 4, shape, strides, outStrides);
  },
  derivative: ({ inputs: [x], gradient, attributes }) => {
    const { axis, from, to } = attributes as { axis: number; from: number; to: number };
    return [pad(gradient, axis, from, ((x as Tensor).shape[axis] as number) - to)];
  },
});

/** `[outer, size along axis, inner]` for a piece of `length` along `axis`: shape, strides in the whole, strides in the piece. */
function threeDims(whole: readonly number[], axis: number, length: number): [number[], number[], number[], number] {
  const outer = count(whole.slice(0, axis));
  const inner = count(whole.slice(axis + 1));
  const size = whole[axis] as number;
  return [[outer, length, inner], [size * inner, inner, 1], [length * inner, inner, 1], inner];
}

/** Elements `from` (inclusive) to `to` (exclusive) of one axis; negative indices count from the end. */
export function slice(x: Tensor, axis: number, from: number, to?: number): Tensor {
  const at = axisOf(x.shape, axis);
  const size = x.shape[at] as Size;
  if (isSymbolic(size)) return apply(sliceOp, [x], { axis: at, from, to: to ?? -1 });
  const resolve = (index: number) => (index < 0 ? index + size : index);
  const [first, last] = [resolve(from), resolve(to ?? size)];
  return first === 0 && last === size ? x : apply(sliceOp, [x], { axis: at, from: first, to: last });
}

const padOp = defineOp({
  name: 'pad',
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    const { axis, before, after } = attributes as { axis: number; before: number; after: number };
    const size = fixedSize(x.shape[axis] as Size, `the padded axis ${axis}`);
    return { shape: x.shape.map((s, i) => (i === axis ? before + size + after : s)), dtype: x.dtype };
  },
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const { axis, before } = e.attributes as { axis: number; before: number };
    const [shape, outStrides, strides, step] = threeDims(e.shape, axis, x.shape[axis] as number);
    e.kernel('fill', e.out, count(e.shape), 0);
    emitStridedCopy(e, e.out + before * step * 4, x.address, shape, strides, outStrides);
  },
  derivative: ({ inputs: [x], gradient, attributes }) => {
    const { axis, before } = attributes as { axis: number; before: number };
    return [slice(gradient, axis, before, before + ((x as Tensor).shape[axis] as number))];
  },
});

/** Zeros before and after along one axis. */
export const pad = (x: Tensor, axis: number, before: number, after: number): Tensor =>
  before === 0 && after === 0 ? x : apply(padOp, [x], { axis: axisOf(x.shape, axis), before, after });

const concatOp = defineOp({
  name: 'concat',
  infer: (inputs, attributes) => {
    const first = operand(inputs, 0);
    const axis = attributes.axis as number;
    const without = (shape: Shape) => shape.filter((_, i) => i !== axis);
    for (const x of inputs) {
      if (x.dtype !== first.dtype || !sameShape(without(x.shape), without(first.shape))) {
        throw new ShapeRule(`${shapeText(x.shape)} does not fit ${shapeText(first.shape)} outside of axis ${axis}`);
      }
    }
    const total = inputs.reduce((n, x) => n + fixedSize(x.shape[axis] as Size, `the joined axis ${axis}`), 0);
    return { shape: first.shape.map((s, i) => (i === axis ? total : s)), dtype: first.dtype };
  },
  emit: (e) => {
    const axis = e.attributes.axis as number;
    let at = 0;
    for (const x of e.inputs) {
      const [shape, outStrides, strides, step] = threeDims(e.shape, axis, x.shape[axis] as number);
      emitStridedCopy(e, e.out + at * step * 4, x.address, shape, strides, outStrides);
      at += x.shape[axis] as number;
    }
  },
  derivative: ({ inputs, gradient, attributes }) => {
    const axis = attributes.axis as number;
    let at = 0;
    return inputs.map((x) => {
      const from = at;
      at += x.shape[axis] as number;
      return slice(gradient, axis, from, at);
    });
  },
});

/** Joins tensors along one axis. */
export const concat = (tensors: readonly Tensor[], axis = 0): Tensor =>
  tensors.length === 1
    ? (tensors[0] as Tensor)
    : apply(concatOp, tensors, { axis: axisOf(tensors[0]?.shape ?? [], axis) });

const castKernels = {
  'u8 f32': 'castU8F32',
  'u8 i32': 'castU8I32',
  'i32 f32': 'castI32F32',
  'f32 i32': 'castF32I32',
} as const;

const castOp = defineOp({
  name: 'cast',
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    const dtype = attributes.dtype as DType;
    if (!(`${x.dtype} ${dtype}` in castKernels)) throw new ShapeRule(`${x.dtype} cannot be cast to ${dtype}`);
    return { shape: x.shape, dtype };
  },
  emit: (e) => {
    const kernel = castKernels[`${e.attributes.from} ${e.attributes.dtype}` as keyof typeof castKernels];
    e.kernel(kernel, e.out, e.inputs[0]?.address as number, count(e.shape));
  },
  derivative: () => [undefined],
});

/** Another dtype. f32 to i32 truncates toward zero; no gradient flows through a cast. */
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : apply(castOp, [x], { from: x.dtype, dtype });
