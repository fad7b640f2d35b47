import { ShapeError } from '../errors.ts';
import type { Attributes } from '../graph/attributes.ts';
import type { DType, Shape } from '../graph/dim.ts';
import { apply, defineOp, f32, type Operand } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count } from './check.ts';
import { type ShapeData, shapeData, shapeFrom } from './shape-data.ts';

/** Leaves carry their shape as an attribute, so that a Program can be validated by the same shape rules. */
const shapeFromAttributes = (_: readonly Operand[], attributes: Attributes): Operand => ({
  shape: shapeFrom(attributes.shape as ShapeData),
  dtype: attributes.dtype as DType,
});

const parameterOp = defineOp({ name: 'parameter', infer: shapeFromAttributes });
const inputOp = defineOp({ name: 'input', infer: shapeFromAttributes });
const scalarOp = defineOp({ name: 'scalar', infer: () => ({ shape: [], dtype: 'f32' }) });

const fullOp = defineOp({
  name: 'full',
  infer: shapeFromAttributes,
  emit: (e) => e.kernel('fill', e.out, count(e.shape), f32(e.attributes.value as number)),
});

const constantOp = defineOp({
  name: 'constant',
  infer: shapeFromAttributes,
  emit: (e) => {
    const data = e.attributes.data as readonly number[];
    const asIs = e.attributes.dtype === 'i32';
    e.kernel('literal', e.out, data.length, ...data.map((value) => (asIs ? value : f32(value))));
  },
});

export const parameter = (name: string, shape: readonly number[]): Tensor =>
  apply(parameterOp, [], { name, shape: [...shape], dtype: 'f32' });

/** A field of the batch. */
export const input = (field: string, shape: Shape, dtype: DType): Tensor =>
  apply(inputOp, [], { field, shape: shapeData(shape), dtype });

/** A host value that changes with the step. */
export const scalar = (name: string): Tensor => apply(scalarOp, [], { name });

export const full = (shape: Shape, value: number): Tensor =>
  apply(fullOp, [], { shape: shapeData(shape), dtype: 'f32', value });

export const zeros = (shape: Shape): Tensor => full(shape, 0);
export const ones = (shape: Shape): Tensor => full(shape, 1);

type Nested = number | readonly Nested[];

/** A constant from nested arrays or a typed array: `tensor([[1, 2], [3, 4]])`. */
export function tensor(
  values: Nested | Float32Array | Int32Array,
  options: { shape?: readonly number[]; dtype?: 'f32' | 'i32' } = {},
): Tensor {
  const [data, shape] = flatten(values);
  const dtype = options.dtype ?? (values instanceof Int32Array ? 'i32' : 'f32');
  const resolved = options.shape ?? shape;
  if (count(resolved) !== data.length) {
    throw new ShapeError(`tensor: ${data.length} values do not fill shape [${resolved.join(', ')}]`);
  }
  return apply(constantOp, [], { shape: [...resolved], dtype, data: dtype === 'f32' ? data.map(Math.fround) : data });
}

function flatten(values: Nested | Float32Array | Int32Array): [number[], number[]] {
  if (typeof values === 'number') return [[values], []];
  if (ArrayBuffer.isView(values)) return [[...(values as Float32Array)], [values.length]];
  const shape: number[] = [];
  for (let level: Nested | undefined = values; Array.isArray(level); level = level[0]) shape.push(level.length);
  const data = (values as readonly unknown[]).flat(Number.POSITIVE_INFINITY) as number[];
  return [data, shape];
}
