import { ShapeError } from '../errors.ts';
import { isSymbolic, product, type Shape, type Size } from '../graph/dim.ts';
import { apply, defineOp } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { div, mul, mulScalar } from './arithmetic.ts';
import { axisOf, count, expectDType, operand } from './check.ts';
import { equal } from './compare.ts';
import { expand, reshape, sum } from './stretch.ts';

const without = (shape: Shape, axis: number) => shape.filter((_, i) => i !== axis);
const kept = (shape: Shape, axis: number) => shape.map((size, i): Size => (i === axis ? 1 : size));

const maxOp = defineOp({
  name: 'max',
  infer: (inputs, { axis }) => ({
    shape: without(expectDType(operand(inputs, 0), 'f32').shape, axis as number),
    dtype: 'f32',
  }),
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const axis = e.attributes.axis as number;
    const [outer, inner] = [count(x.shape.slice(0, axis)), count(x.shape.slice(axis + 1))];
    e.kernel('reduceMax', e.out, x.address, outer, x.shape[axis] as number, inner);
  },
  mixesRows: (_, { axis }) => axis === 0,
  derivative: ({ inputs: [input], output, gradient, attributes }) => {
    const x = input as Tensor;
    const axis = attributes.axis as number;
    const stretch = (t: Tensor) => expand(reshape(t, kept(x.shape, axis)), x.shape);
    const hits = equal(x, stretch(output));
    return [mul(stretch(div(gradient, sum(hits, axis))), hits)];
  },
});

/** The largest value along one axis; a gradient is shared among equal ones, as PyTorch's `amax`. */
export const max = (x: Tensor, axis = -1): Tensor => apply(maxOp, [x], { axis: axisOf(x.shape, axis) });

const argmaxOp = defineOp({
  name: 'argmax',
  infer: (inputs, { axis }) => ({
    shape: without(expectDType(operand(inputs, 0), 'f32').shape, axis as number),
    dtype: 'i32',
  }),
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const axis = e.attributes.axis as number;
    const [outer, inner] = [count(x.shape.slice(0, axis)), count(x.shape.slice(axis + 1))];
    e.kernel('argmax', e.out, x.address, outer, x.shape[axis] as number, inner);
  },
  mixesRows: (_, { axis }) => axis === 0,
  derivative: () => [undefined],
});

/** i32 index of the largest value along one axis, the first of equal ones. */
export const argmax = (x: Tensor, axis = -1): Tensor => apply(argmaxOp, [x], { axis: axisOf(x.shape, axis) });

/** Mean over axes of fixed size. The batch has none: return per-sample values and let Lockstep divide. */
export function mean(x: Tensor, axes?: number | readonly number[], keepDim = false): Tensor {
  const list = axes === undefined ? x.shape.map((_, i) => i) : [axes].flat().map((axis) => axisOf(x.shape, axis));
  const size = product(list.map((axis) => x.shape[axis] as Size));
  if (isSymbolic(size)) {
    throw new ShapeError(
      `mean over ${size.toString()} elements: the batch is cut into shards, so its size is not known here. ` +
        'Return per-sample values; Lockstep sums and divides them once.',
    );
  }
  return mulScalar(sum(x, list, keepDim), 1 / size);
}
