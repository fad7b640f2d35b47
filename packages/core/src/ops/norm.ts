import { type Shape, sameShape } from '../graph/dim.ts';
import { apply, defineOp, type Emit, f32, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, fixedSize, lastSize, leadingSymbolic, operand } from './check.ts';
import { reshape, sumTo } from './stretch.ts';

const infer = (inputs: readonly Operand[]): Operand => {
  const x = expectDType(operand(inputs, 0), 'f32');
  const size = fixedSize(lastSize(x.shape), 'the normalised dimension');
  for (const parameter of inputs.slice(1, 3)) {
    if (!sameShape(parameter.shape, [size])) throw new ShapeRule(`weight and bias must have shape [${size}]`);
  }
  return { shape: x.shape, dtype: 'f32' };
};

const rowsAndColumns = (shape: readonly number[]): [number, number] => [
  count(shape.slice(0, -1)),
  shape.at(-1) as number,
];
const address = (e: Emit, i: number): number => e.inputs[i]?.address ?? 0;

const gradInputOp = defineOp({
  name: 'layerNormGradInput',
  infer: (inputs) => ({ shape: operand(inputs, 0).shape, dtype: 'f32' }),
  // inputs: x, g, and weight where there is one
  emit: (e) =>
    e.kernel(
      'layerNormGradInput',
      e.out,
      address(e, 0),
      address(e, 2),
      address(e, 1),
      ...rowsAndColumns(e.shape),
      f32(e.attributes.eps as number),
    ),
  inPlace: [1],
});

const gradWeightOp = defineOp({
  name: 'layerNormGradWeight',
  infer: (inputs) => ({ shape: [lastSize(operand(inputs, 0).shape)], dtype: 'f32' }),
  emit: (e) => {
    const [rows, columns] = rowsAndColumns(e.inputs[0]?.shape as number[]);
    const table = e.segments(rows);
    e.kernel(
      'layerNormGradWeight',
      e.out,
      address(e, 0),
      address(e, 1),
      table.address,
      table.count,
      columns,
      f32(e.attributes.eps as number),
      e.scratch(65 * columns * 4),
    );
  },
  mixesRows: ([x]) => leadingSymbolic(x?.shape as Shape),
  segmented: ([x]) => leadingSymbolic(x?.shape as Shape),
});

const layerNormOp = defineOp({
  name: 'layerNorm',
  infer,
  emit: (e) =>
    e.kernel(
      'layerNorm',
      e.out,
      address(e, 0),
      address(e, 1),
      address(e, 2),
      ...rowsAndColumns(e.shape),
      f32(e.attributes.eps as number),
    ),
  mixesRows: ([x]) => x?.shape.length === 1,
  derivative: ({ inputs, gradient: g, attributes }) => {
    const [x, weight, bias] = inputs as [Tensor, Tensor | undefined, Tensor | undefined];
    const rows = (t: Tensor) => (t.rank > 1 ? t : reshape(t, [1, ...t.shape]));
    // Nodes run in the order of their creation: what else reads g comes first, so that dx can take its place.
    const dw = weight && apply(gradWeightOp, [rows(x), rows(g)], attributes);
    const db = bias && sumTo(g, bias.shape);
    return [apply(gradInputOp, weight ? [x, g, weight] : [x, g], attributes), dw, db];
  },
});

/** (x - mean) / sqrt(variance + eps) over the last dimension, times weight plus bias (Ba et al. 2016). */
export function layerNorm(x: Tensor, weight?: Tensor, bias?: Tensor, eps = 1e-5): Tensor {
  if (bias && !weight)
    throw new TypeError('layerNorm: a bias without a weight is not supported; give a weight of ones.');
  return apply(
    layerNormOp,
    [x, weight, bias].filter((t) => t !== undefined),
    { eps: Math.fround(eps) },
  );
}
