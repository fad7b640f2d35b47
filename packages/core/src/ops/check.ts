import { type DType, isSymbolic, type Shape, type Size, shapeText } from '../graph/dim.ts';
import { type Operand, ShapeRule } from '../graph/op.ts';

/** The i-th input of a shape rule. */
export function operand(inputs: readonly Operand[], i: number): Operand {
  const found = inputs[i];
  if (!found) throw new ShapeRule(`input ${i} is missing`);
  return found;
}

export function expectDType(input: Operand, dtype: DType, what = 'input'): Operand {
  if (input.dtype !== dtype)
    throw new ShapeRule(`${what} must be ${dtype}, not ${input.dtype}; cast it with .to('${dtype}')`);
  return input;
}

export function lastSize(shape: Shape): Size {
  const last = shape.at(-1);
  if (last === undefined) throw new ShapeRule('needs at least one dimension, not a scalar');
  return last;
}

/** A size that kernels need as a number in the graph. */
export function fixedSize(size: Size, what: string): number {
  if (isSymbolic(size)) throw new ShapeRule(`${what} must be a fixed size, not ${size.toString()}`);
  return size;
}

/** Python-style axis: negative counts from the end. */
export function axisOf(shape: Shape, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= shape.length) {
    throw new ShapeRule(`axis ${axis} is outside of ${shapeText(shape)}`);
  }
  return resolved;
}

export const leadingSymbolic = (shape: Shape): boolean => shape[0] !== undefined && isSymbolic(shape[0]);

export const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
