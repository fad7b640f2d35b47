import { type Shape, type Size, sameSize, shapeText } from '../graph/dim.ts';
import { ShapeRule } from '../graph/op.ts';

/** NumPy's rule: align at the end; a size of 1 stretches. */
export function broadcastShape(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (sameSize(x, y) || y === 1) return x;
    if (x === 1) return y;
    throw new ShapeRule(`${shapeText(a)} and ${shapeText(b)} do not broadcast: ${x} and ${y} differ`);
  });
}

/** How an operand fills `[outer, inner]`: 0 whole, 1 a row repeated, 2 a column repeated, 3 one number. */
export type BroadcastMode = 0 | 1 | 2 | 3;

export interface BroadcastPattern {
  /** Dimensions before `split` are `outer`, the others `inner`. */
  readonly split: number;
  readonly modes: readonly BroadcastMode[];
}

/**
 * The cut of `out` at which every operand is whole, a row, a column or one number; undefined where there is none and an
 * operand has to be expanded first.
 */
export function broadcastPattern(out: Shape, operands: readonly Shape[]): BroadcastPattern | undefined {
  for (let split = out.length; split >= 0; split--) {
    const modes = operands.map((shape) => modeAt(out, shape, split));
    if (modes.every((mode) => mode !== undefined)) return { split, modes: modes as BroadcastMode[] };
  }
  return undefined;
}

function modeAt(out: Shape, shape: Shape, split: number): BroadcastMode | undefined {
  const padded: Size[] = [...Array<Size>(out.length - shape.length).fill(1), ...shape];
  const has = (from: number, to: number) =>
    out.slice(from, to).every((size, i) => sameSize(size, padded[from + i] as Size));
  const lacks = (from: number, to: number) => padded.slice(from, to).every((size) => size === 1);
  if (has(0, out.length)) return 0;
  if (lacks(0, split) && has(split, out.length)) return 1;
  if (has(0, split) && lacks(split, out.length)) return 2;
  return lacks(0, out.length) ? 3 : undefined;
}
