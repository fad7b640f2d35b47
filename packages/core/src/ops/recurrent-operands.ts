import { type Shape, type Size, sameShape, shapeText } from '../graph/dim.ts';
import { type Emit, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { expectDType, fixedSize, operand } from './check.ts';

/**
 * Recurrent ops have many optional inputs, so each input has a role, listed in the attribute `roles` in the order of the
 * inputs.
 */
export type Given<Role extends string> = Partial<Record<Role, Tensor>>;

export const withRoles = (given: Readonly<Record<string, Tensor>>): { inputs: Tensor[]; roles: string[] } => ({
  inputs: Object.values(given),
  roles: Object.keys(given),
});

export function byRole<Role extends string, T>(
  values: readonly T[],
  roles: readonly string[],
): Partial<Record<Role, T>> {
  return Object.fromEntries(roles.map((role, i) => [role, values[i]])) as Partial<Record<Role, T>>;
}

/** Address of the input in a role; 0 where there is none. */
export const addressOf = (e: Emit, role: string): number =>
  e.inputs[(e.attributes.roles as readonly string[]).indexOf(role)]?.address ?? 0;

/** Checks the inputs in known roles against the shapes that they must have. */
export function expectShapes(
  inputs: readonly Operand[],
  roles: readonly string[],
  expected: Readonly<Record<string, Shape>>,
): void {
  if (roles.length !== inputs.length) throw new ShapeRule('every input needs a role');
  roles.forEach((role, i) => {
    const shape = expected[role];
    if (!shape) throw new ShapeRule(`there is no input "${role}"`);
    const x = expectDType(operand(inputs, i), role === 'lengths' ? 'i32' : 'f32', role);
    if (!sameShape(x.shape, shape)) {
      throw new ShapeRule(`${role} must have shape ${shapeText(shape)}, not ${shapeText(x.shape)}`);
    }
  });
}

/** `[batch, time, features]`, the last two as numbers. */
export function sequenceShape(x: Operand, what: string): [Size, number, number] {
  const [batch, time, features] = x.shape;
  if (x.shape.length !== 3) throw new ShapeRule(`${what} must be [batch, time, features]`);
  return [
    batch as Size,
    fixedSize(time as Size, 'the number of time steps'),
    fixedSize(features as Size, `the features of ${what}`),
  ];
}

/** Cuts the op's scratch into pieces of so many bytes; those of 0 bytes have address 0. */
export function carve<Name extends string>(e: Emit, bytes: Readonly<Record<Name, number>>): Record<Name, number> {
  const rounded = Object.entries<number>(bytes).map(([name, size]) => [name, Math.ceil(size / 64) * 64] as const);
  let next = e.scratch(rounded.reduce((sum, [, size]) => sum + size, 0));
  const places: Record<string, number> = {};
  for (const [name, size] of rounded) {
    places[name] = size === 0 ? 0 : next;
    next += size;
  }
  return places;
}

/** Bytes of scratch of `matmulPacked`. */
export const packedProductBytes = 256 + 128 * 256 * 4;
/** Bytes of a right-hand side packed by `packRight`. */
export const packedBytes = (k: number, n: number): number => k * Math.ceil(n / 16) * 16 * 4;

/** `to = from`, or zeros where `from` is 0. */
export function emitCopyOrZero(e: Emit, to: number, from: number, elements: number): void {
  if (from === 0) {
    e.kernel('fill', to, elements, 0);
    return;
  }
  const strides = [...Array<number>(5).fill(0), 1];
  e.kernel('stridedCopy', to, from, ...Array<number>(5).fill(1), elements, ...strides, ...strides);
}
