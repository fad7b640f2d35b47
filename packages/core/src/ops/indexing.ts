import { ShapeError } from '../errors.ts';
import { isSymbolic, type Shape, sameShape } from '../graph/dim.ts';
import { apply, defineOp, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, fixedSize, lastSize, leadingSymbolic, operand } from './check.ts';
import { type ShapeData, shapeData, shapeFrom } from './shape-data.ts';

const embeddingGradOp = defineOp({
  name: 'embeddingGrad',
  infer: (_, attributes) => ({ shape: shapeFrom(attributes.table as ShapeData), dtype: 'f32' }),
  emit: (e) => {
    const [index, g] = e.inputs as [(typeof e.inputs)[0], (typeof e.inputs)[0]];
    const [rows, ...row] = e.shape;
    e.kernel('embeddingGrad', e.out, index.address, g.address, count(index.shape), count(row), rows as number);
  },
});

const replaceOp = defineOp({
  name: 'replaceIndex',
  infer: (inputs) => ({ shape: expectDType(operand(inputs, 0), 'i32').shape, dtype: 'i32' }),
  emit: (e) => {
    const { from, to } = e.attributes as { from: number; to: number };
    e.kernel('replaceIndex', e.out, e.inputs[0]?.address as number, count(e.shape), from, to);
  },
  derivative: () => [undefined],
  inPlace: [0],
});

/** i32 values with `to` in place of `from`. */
export const replaceIndex = (index: Tensor, from: number, to: number): Tensor =>
  apply(replaceOp, [index], { from, to });

const embeddingOp = defineOp({
  name: 'embedding',
  infer: (inputs) => {
    const table = operand(inputs, 0);
    const index = expectDType(operand(inputs, 1), 'i32', 'the index');
    fixedSize(table.shape[0] ?? 0, 'the number of rows of the table');
    if (table.shape.length < 1) throw new ShapeRule('the table needs at least one dimension');
    return { shape: [...index.shape, ...table.shape.slice(1)], dtype: table.dtype };
  },
  emit: (e) => {
    const [table, index] = e.inputs as [(typeof e.inputs)[0], (typeof e.inputs)[0]];
    const [rows, ...row] = table.shape;
    e.kernel(
      'embedding',
      e.out,
      table.address,
      index.address,
      count(index.shape),
      count(row),
      rows as number,
      e.context,
      e.nodeId,
    );
  },
  mixesRows: ([table]) => leadingSymbolic(table?.shape as Shape),
  derivative: ({ inputs: [table, index], gradient, attributes }) => {
    // an index that no row has adds to no gradient
    const { paddingIndex } = attributes as { paddingIndex?: number };
    const counted = paddingIndex === undefined ? (index as Tensor) : replaceIndex(index as Tensor, paddingIndex, -1);
    return [apply(embeddingGradOp, [counted, gradient], { table: shapeData((table as Tensor).shape) }), undefined];
  },
});

/**
 * Rows of `table` `[rows, ...]` by i32 `index` `[...]`: `[...index, ...row]`. An index out of range stops the step with an error. The row
 * `paddingIndex` gets no gradient.
 */
export function embedding(table: Tensor, index: Tensor, options: { paddingIndex?: number } = {}): Tensor {
  const { paddingIndex } = options;
  const rows = table.shape[0];
  if (
    paddingIndex !== undefined &&
    !(Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < Number(rows))
  ) {
    throw new ShapeError(
      `embedding: paddingIndex ${paddingIndex} is not one of the ${String(rows)} rows of the table.`,
    );
  }
  return apply(embeddingOp, [table, index], paddingIndex === undefined ? {} : { paddingIndex });
}

/** Elements along axis 0 by index; the same as `embedding`. */
export const gather = embedding;

const gatherLastGradOp = defineOp({
  name: 'gatherLastGrad',
  infer: (inputs, attributes) => ({ shape: [...operand(inputs, 0).shape, attributes.columns as number], dtype: 'f32' }),
  emit: (e) => {
    const [index, g] = e.inputs as [(typeof e.inputs)[0], (typeof e.inputs)[0]];
    e.kernel('gatherLastGrad', e.out, index.address, g.address, count(index.shape), e.shape.at(-1) as number);
  },
});

const gatherLastOp = defineOp({
  name: 'gatherLast',
  infer: (inputs) => {
    const x = expectDType(operand(inputs, 0), 'f32');
    const index = expectDType(operand(inputs, 1), 'i32', 'the index');
    if (isSymbolic(lastSize(x.shape))) throw new ShapeRule('the last dimension must be a fixed size');
    if (!sameShape(index.shape, x.shape.slice(0, -1)))
      throw new ShapeRule('the index must have the shape of x without its last dimension');
    return { shape: index.shape, dtype: 'f32' };
  },
  emit: (e) => {
    const [x, index] = e.inputs as [(typeof e.inputs)[0], (typeof e.inputs)[0]];
    e.kernel(
      'gatherLast',
      e.out,
      x.address,
      index.address,
      count(index.shape),
      x.shape.at(-1) as number,
      e.context,
      e.nodeId,
    );
  },
  derivative: ({ inputs: [x, index], gradient }) => [
    apply(gatherLastGradOp, [index as Tensor, gradient], { columns: (x as Tensor).shape.at(-1) as number }),
    undefined,
  ],
});

/** One element of each row of x `[..., columns]` by i32 index `[...]`. */
export const gatherLast = (x: Tensor, index: Tensor): Tensor => apply(gatherLastOp, [x, index]);

const differsOp = defineOp({
  name: 'differs',
  infer: (inputs) => ({ shape: expectDType(operand(inputs, 0), 'i32').shape, dtype: 'f32' }),
  emit: (e) => e.kernel('differs', e.out, e.inputs[0]?.address as number, count(e.shape), e.attributes.value as number),
  derivative: () => [undefined],
  inPlace: [0],
});

/** 1 where the i32 value is not `value`, else 0: the weight of labels of which some are to be ignored. */
export const differs = (index: Tensor, value: number): Tensor => apply(differsOp, [index], { value });
