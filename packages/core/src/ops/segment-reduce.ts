import { type Shape, sameShape } from '../graph/dim.ts';
import { apply, defineOp, type Emit, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import { checkedPointers, pointerCount } from './adjacency.ts';
import { div } from './arithmetic.ts';
import { count, expectDType, fixedSize, lastSize, operand } from './check.ts';

// Reductions over segments of rows: segment i of x [..., rows, width] is rows pointers[i] to pointers[i + 1] - 1. Pointers [..., segments + 1]
// have the leading dimensions of x, or none where all share them.

/** Checks x (or its gradient) against pointers; the shapes of rows and of segments. */
function sizesOf(x: Operand, pointers: Operand): { batch: Shape; size: number; width: number; segments: number } {
  expectDType(x, 'f32');
  expectDType(pointers, 'i32', 'pointers');
  if (x.shape.length < 2) throw new ShapeRule('needs [..., rows, width]');
  const batch = x.shape.slice(0, -2);
  const own = pointers.shape.slice(0, -1);
  if (own.length > 0 && !sameShape(own, batch))
    throw new ShapeRule('pointers need the leading dimensions of the values, or none');
  const size = fixedSize(x.shape.at(-2) as Shape[0], 'the number of rows');
  const width = fixedSize(lastSize(x.shape), 'the width of a row');
  return { batch, size, width, segments: pointerCount(pointers) - 1 };
}

/** Writes a `range` kernel: inputs in order (pointers last), then the sizes. */
function emitRange(e: Emit, name: KernelName, rowsOf: 'in' | 'out'): void {
  const [x, pointers] = [e.inputs[0], e.inputs.at(-1)] as [Emit['inputs'][0], Emit['inputs'][0]];
  const shared = pointers.shape.length === 1;
  const rows = (rowsOf === 'in' ? x.shape : e.shape).at(-2) as number;
  e.kernel(
    name,
    e.out,
    ...e.inputs.map(({ address }) => address),
    count(x.shape.slice(0, -2)),
    (pointers.shape.at(-1) as number) - 1,
    rows,
    x.shape.at(-1) as number,
    shared ? 1 : 0,
  );
}

const toSegments = (inputs: readonly Operand[]): Operand => {
  const { batch, width, segments } = sizesOf(operand(inputs, 0), operand(inputs, 1));
  return { shape: [...batch, segments, width], dtype: 'f32' };
};
/** Ops whose output has the rows of the input; pointers are the last input. */
const asFirst = (inputs: readonly Operand[]): Operand => {
  const x = operand(inputs, 0);
  sizesOf(x, operand(inputs, inputs.length - 1));
  return { shape: x.shape, dtype: 'f32' };
};

const sumOp = defineOp({
  name: 'rangeSum',
  infer: toSegments,
  emit: (e) => emitRange(e, 'rangeSum', 'in'),
  derivative: ({ inputs: [x, pointers], gradient }) => [
    spread(gradient, pointers as Tensor, (x as Tensor).shape.at(-2) as number),
    undefined,
  ],
});

const spreadOp = defineOp({
  name: 'rangeSpread',
  infer: (inputs, { rows }) => {
    const { batch, size, width, segments } = sizesOf(operand(inputs, 0), operand(inputs, 1));
    if (size !== segments) throw new ShapeRule(`${size} rows for ${segments} segments`);
    return { shape: [...batch, rows as number, width], dtype: 'f32' };
  },
  emit: (e) => emitRange(e, 'rangeSpread', 'out'),
  derivative: ({ inputs: [, pointers], gradient }) => [apply(sumOp, [gradient, pointers as Tensor]), undefined],
});

const spread = (x: Tensor, pointers: Tensor, rows: number): Tensor => apply(spreadOp, [x, pointers], { rows });

const maxGradOp = defineOp({
  name: 'rangeMaxGrad',
  infer: asFirst,
  // inputs: x, y, g, pointers
  emit: (e) => emitRange(e, 'rangeMaxGrad', 'in'),
});

const maxOp = defineOp({
  name: 'rangeMax',
  infer: toSegments,
  emit: (e) => emitRange(e, 'rangeMax', 'in'),
  derivative: ({ inputs: [x, pointers], output, gradient }) => [
    apply(maxGradOp, [x as Tensor, output, gradient, pointers as Tensor]),
    undefined,
  ],
});

const softmaxGradOp = defineOp({
  name: 'rangeSoftmaxGrad',
  infer: asFirst,
  // inputs: y, g, pointers
  emit: (e) => emitRange(e, 'rangeSoftmaxGrad', 'in'),
});

const softmaxOp = defineOp({
  name: 'rangeSoftmax',
  infer: asFirst,
  emit: (e) => emitRange(e, 'rangeSoftmax', 'in'),
  derivative: ({ inputs: [, pointers], output, gradient }) => [
    apply(softmaxGradOp, [output, gradient, pointers as Tensor]),
    undefined,
  ],
});

const countsOp = defineOp({
  name: 'rangeCounts',
  infer: (inputs) => {
    const pointers = expectDType(operand(inputs, 0), 'i32', 'pointers');
    return { shape: [...pointers.shape.slice(0, -1), pointerCount(pointers) - 1, 1], dtype: 'f32' };
  },
  emit: (e) => {
    const ranges = e.shape.at(-2) as number;
    const batch = count(e.shape.slice(0, -2));
    e.kernel('rangeCounts', e.out, e.inputs[0]?.address as number, batch, ranges, e.attributes.rows as number);
  },
  derivative: () => [undefined],
});

const rowsOf = (x: Tensor): number => x.shape.at(-2) as number;
const reduced = (op: typeof sumOp) => (x: Tensor, pointers: Tensor) =>
  apply(op, [x, checkedPointers(pointers, rowsOf(x))]);

/** Sum of each segment of x `[..., rows, width]` by i32 pointers `[..., segments + 1]`: `[..., segments, width]`; 0 of none. */
export const segmentSum = reduced(sumOp);

/** Largest value of each segment and column; 0 of none. A gradient is shared among equal ones. */
export const segmentMax = reduced(maxOp);

/** Softmax over the rows of each segment, column by column: `[..., rows, width]`, 0 for rows of no segment. */
export const segmentSoftmax = reduced(softmaxOp);

/** f32 `[..., segments, 1]`: rows of each segment, but at least 1. */
export const segmentCounts = (pointers: Tensor, rows: number): Tensor =>
  apply(countsOp, [checkedPointers(pointers, rows)], { rows });

/** Mean of each segment; 0 of none. */
export function segmentMean(x: Tensor, pointers: Tensor): Tensor {
  const checked = checkedPointers(pointers, rowsOf(x));
  return div(segmentSum(x, checked), segmentCounts(checked, rowsOf(x)));
}

/** The reverse of `segmentSum`: each of `rows` rows gets the row of its segment in x `[..., segments, width]`, or zeros. */
export const segmentSpread = (x: Tensor, pointers: Tensor, rows: number): Tensor =>
  spread(x, checkedPointers(pointers, rows), rows);
