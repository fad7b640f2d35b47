import { refuse } from './job-refusal.ts';

/** @throws JobRefusal naming what it is that is no whole number of at least `from` */
export function checkWhole(value: number, from: number, what: string, to = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || value < from || value > to)
    refuse(`${what} is ${value}, not a whole number from ${from}${to < Number.MAX_SAFE_INTEGER ? ` to ${to}` : ''}`);
  return value;
}

export function checkFinite(value: number, from: number, what: string): number {
  if (!(value >= from && value < Number.POSITIVE_INFINITY))
    refuse(`${what} is ${value}, not a number of at least ${from}`);
  return value;
}

/** Dimensions of a tensor; deeper ones exist nowhere. */
const maxRank = 8;
/** What 32-bit addresses of f32 reach. */
const maxElements = 2 ** 30;

/** Elements of a shape. @throws JobRefusal before the product overflows */
export function checkShape(shape: readonly number[], what: string): number {
  if (shape.length > maxRank) refuse(`${what} has ${shape.length} dimensions, more than ${maxRank}`);
  return shape.reduce((elements, size) => {
    checkWhole(size, 0, `${what}: a size`, maxElements);
    return checkWhole(elements * size, 0, `${what}: elements`, maxElements);
  }, 1);
}
