import { expect } from 'vitest';

import { createHarness, type F32Argument, type KernelHarness } from '../../packages/core/src/kernels/kernel-harness.ts';
import type { KernelName } from '../../packages/core/src/kernels/opcodes.ts';

/** What the tests of the kernels share: sizes, fixed floats, and running a kernel in both builds with the same bits. */

/** Below, at and above the width of one vector and of two. */
export const sizes = [1, 2, 3, 5, 7, 8, 9, 17, 31, 64, 100] as const;

const builds = [createHarness(), createHarness({ widen: false })] as const;

/** Fixed floats in [-span, span), different for every seed (mulberry32). */
export function floats(count: number, seed: number, span = 2): Float32Array {
  let state = seed * 0x9e3779b1;
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 8) / 2 ** 23 - 1) * span;
  });
}

export type Args = readonly (number | F32Argument)[];

/** The words of some floats, every NaN the same: which NaN an operation gives is the processor's business. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.map((value) => (Number.isNaN(value) ? Number.NaN : value)).buffer);
}

/**
 * The `count` floats that a kernel writes to `out`, given as an address or, for a kernel that updates in place, as the floats that lie
 * there before. Both builds must give the same bits, and nothing behind the output may change.
 */
export function run(
  kernel: KernelName,
  out: number | ArrayLike<number>,
  args: (h: KernelHarness, out: number) => Args,
): Float32Array {
  const guard = Array<number>(16).fill(1234.5);
  const before = typeof out === 'number' ? Array<number>(out).fill(777) : Array.from(out);
  const [widened, plain] = builds.map((h) => {
    const address = h.f32([...before, ...guard]);
    h.call(kernel, ...args(h, address));
    const result = h.read(address, before.length + guard.length);
    expect(Array.from(result.subarray(before.length)), `${kernel} writes nothing behind its output`).toEqual(guard);
    return result.slice(0, before.length);
  }) as [Float32Array, Float32Array];
  expect(bitsOf(widened), `${kernel} widened and plain`).toEqual(bitsOf(plain));
  return widened;
}

export function asIntegers(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer);
}

/** Within `tolerance` times the larger of 1 and the wanted value, which are float64; NaN and infinities must be met. */
export function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, label = ''): void {
  expect(got.length, label).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [got[i] as number, wanted[i] as number];
    const same = Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
    if (!same) expect.fail(`${label}: element ${i} is ${a}, not ${b}`);
  }
}

/** The canonical tree over segment numbers. */
export function tree<T>(lo: number, hi: number, leaf: (s: number) => T, join: (left: T, right: T) => T): T {
  if (hi - lo === 1) return leaf(lo);
  let half = 1;
  while (half * 2 < hi - lo) half *= 2;
  return join(tree(lo, lo + half, leaf, join), tree(lo + half, hi, leaf, join));
}

/** Segment tables over `rows` rows: one, two, uneven ones, and every row by itself. */
export function segmentTables(rows: number): number[][] {
  const each = Array.from({ length: rows + 1 }, (_, i) => i);
  return [[0, rows], [0, 1, rows], [0, ...each.filter((i) => i > 0 && i < rows && i % 3 === 1), rows], each].filter(
    (table) => table.every((at, i) => i === 0 || at > (table[i - 1] as number)),
  );
}

/** A row as 8 f32 lanes, element j in lane j mod 8, joined as docs/kernels.md says. */
export function laneSum(values: ArrayLike<number>): number {
  const lanes = new Float32Array(8);
  for (let j = 0; j < values.length; j++) lanes[j % 8] = (lanes[j % 8] as number) + (values[j] as number);
  const add = (a: number, b: number): number => Math.fround(a + b);
  const at = (lane: number): number => lanes[lane] as number;
  return add(add(add(at(0), at(4)), add(at(2), at(6))), add(add(at(1), at(5)), add(at(3), at(7))));
}

/** Error function in float64: its series, and Laplace's continued fraction in the tail. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a === Infinity) return Math.sign(x);
  if (a < 3) {
    let [term, sum] = [x, x];
    for (let k = 1; k < 120; k++) {
      term *= (-x * x) / k;
      sum += term / (2 * k + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}
