import { describe, expect, test } from 'vitest';

import { expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import type { KernelName } from './opcodes.ts';

// One step of each cell for three rows, the second of which is over, against the formulas in float64.

const rows = 3;
const lengths = [2, 1, 3];
const t = 1;
const over = 1;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

interface Cell {
  readonly kernel: KernelName;
  readonly gradientKernel: KernelName;
  readonly gates: number;
  /** What a step keeps of one element from its gates' sums (product z and input p), h and c; h first, c second where there is one. */
  keep(z: readonly number[], p: readonly number[], h: number, c: number): number[];
  readonly hasCell?: boolean;
  /** From what was kept, the gradients of h and c and the state before: dz, then dh (as left for the product to add to) and dc. */
  derive(kept: readonly number[], dh: number, dc: number, before: number): { dz: number[]; dh: number; dc: number };
}
type Four = [number, number, number, number];
type Five = [number, number, number, number, number];

const cells: Cell[] = [
  {
    kernel: 'rnnTanhCell',
    gradientKernel: 'rnnTanhCellGrad',
    gates: 1,
    keep: ([z], [p]) => [Math.tanh((z as number) + (p as number))],
    derive: ([h], dh, dc) => ({ dz: [dh * (1 - (h as number) ** 2)], dh: 0, dc }),
  },
  {
    kernel: 'rnnReluCell',
    gradientKernel: 'rnnReluCellGrad',
    gates: 1,
    keep: ([z], [p]) => [Math.max(0, (z as number) + (p as number))],
    derive: ([h], dh, dc) => ({ dz: [(h as number) > 0 ? dh : 0], dh: 0, dc }),
  },
  {
    kernel: 'lstmCell',
    gradientKernel: 'lstmCellGrad',
    gates: 4,
    hasCell: true,
    keep: (z, p, _, before) => {
      const [i, f, g, o] = z.map((x, k) => (k === 2 ? Math.tanh : sigmoid)(x + (p[k] as number))) as Four;
      const c = f * before + i * g;
      return [o * Math.tanh(c), c, i, f, g, o];
    },
    derive: ([, c, i, f, g, o], dh, dcIn, before) => {
      const [I, F, G, O] = [i, f, g, o] as Four;
      const tc = Math.tanh(c as number);
      const dc = dcIn + dh * O * (1 - tc ** 2);
      const dz = [dc * G * I * (1 - I), dc * before * F * (1 - F), dc * I * (1 - G ** 2), dh * tc * O * (1 - O)];
      return { dz, dh: 0, dc: dc * F };
    },
  },
  {
    kernel: 'gruCell',
    gradientKernel: 'gruCellGrad',
    gates: 3,
    keep: ([zr, zu, zn], [pr, pu, pn], h) => {
      const r = sigmoid((zr as number) + (pr as number));
      const u = sigmoid((zu as number) + (pu as number));
      const n = Math.tanh((pn as number) + r * (zn as number));
      return [(1 - u) * n + u * h, r, u, n, zn as number];
    },
    derive: (kept, dh, dc, before) => {
      const [, r, u, n, z] = kept as Five;
      const dn = dh * (1 - u) * (1 - n ** 2);
      return { dz: [dn * z * r * (1 - r), dh * (before - n) * u * (1 - u), dn * r, dn], dh: dh * u, dc };
    },
  },
];

/** A matrix `[rows, pitch]` whose rows hold `parts` vectors of `hidden` floats. */
const at = (x: ArrayLike<number>, pitch: number, hidden: number, parts: number, row: number, j: number): number[] =>
  Array.from({ length: parts }, (_, k) => x[row * pitch + k * hidden + j] as number);

describe.each(cells)('$kernel', ({ kernel, gradientKernel, gates, hasCell, keep, derive }) => {
  const kept = keep(Array(gates).fill(0), Array(gates).fill(0), 0, 0).length;

  test.each(sizes)('hidden %i', (hidden) => {
    const [pitch, statePitch] = [gates * hidden + 3, kept * hidden + 5];
    const [z, p] = [floats(rows * gates * hidden, 1), floats(rows * pitch, 2)];
    const [h, c] = [floats(rows * hidden, 3), floats(rows * hidden, 4)];
    const stateSize = rows * statePitch;
    const got = run(kernel, [...Array<number>(stateSize).fill(9), ...h, ...c], (harness, out) => {
      const carry = out + stateSize * 4;
      return [
        ...[rows, hidden, harness.f32(z), harness.f32(p), pitch, out, statePitch],
        ...[carry, carry + rows * hidden * 4, harness.i32(lengths), t],
      ];
    });
    const wanted = [...Array<number>(stateSize).fill(9), ...h, ...c];
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < hidden; j++) {
        const [hj, cj] = [h[row * hidden + j] as number, c[row * hidden + j] as number];
        const sums = [at(z, gates * hidden, hidden, gates, row, j), at(p, pitch, hidden, gates, row, j)] as const;
        const held = hasCell ? [0, cj, 0, 0, 0, 0] : Array<number>(kept).fill(0);
        const step = row === over ? held : keep(...sums, hj, cj);
        step.forEach((value, k) => {
          wanted[row * statePitch + k * hidden + j] = value;
        });
        wanted[stateSize + row * hidden + j] = row === over ? hj : (step[0] as number);
        if (hasCell) wanted[stateSize + (rows + row) * hidden + j] = step[1] as number;
      }
    }
    expectClose(got, wanted, 5e-7);
  });

  test.each(sizes)('its derivative, hidden %i', (hidden) => {
    const parts = derive(Array(kept).fill(0), 0, 0, 0).dz.length;
    const [statePitch, pitch, dyPitch, dzPitch] = [kept, 1, 1, parts].map((n, i) => n * hidden + 2 * i + 1) as Four;
    const state = floats(rows * statePitch, 5, 0.9);
    const [before, dy] = [floats(rows * pitch, 6), floats(rows * dyPitch, 7)];
    const [dh, dc] = [floats(rows * hidden, 8), floats(rows * hidden, 9)];
    const dzSize = rows * dzPitch;
    const got = run(gradientKernel, [...Array<number>(dzSize).fill(9), ...dh, ...dc], (harness, out) => {
      const carry = out + dzSize * 4;
      return [
        ...[rows, hidden, harness.f32(state), statePitch, harness.f32(dy), dyPitch],
        ...[carry, carry + rows * hidden * 4, harness.f32(before), pitch, out, dzPitch, harness.i32(lengths), t, 1],
      ];
    });
    const wanted = [...Array<number>(dzSize).fill(9), ...dh, ...dc];
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < hidden; j++) {
        const i = row * hidden + j;
        const step = derive(
          at(state, statePitch, hidden, kept, row, j),
          (dh[i] as number) + (dy[row * dyPitch + j] as number),
          dc[i] as number,
          before[row * pitch + j] as number,
        );
        step.dz.forEach((value, k) => {
          wanted[row * dzPitch + k * hidden + j] = row === over ? 0 : value;
        });
        if (row === over) continue;
        wanted[dzSize + i] = step.dh;
        wanted[dzSize + rows * hidden + i] = step.dc;
      }
    }
    expectClose(got, wanted, 5e-7);
  });

  test('NaN stays NaN', () => {
    const z = new Float32Array(rows * gates * 8).fill(Number.NaN);
    const zeros = new Float32Array(rows * kept * 8);
    const got = run(kernel, rows * kept * 8, (h, out) => [
      ...[rows, 8, h.f32(z), h.f32(zeros), 0, out, kept * 8, h.f32(zeros), h.f32(zeros), 0, t],
    ]);
    expect(got.subarray(0, 8).every(Number.isNaN)).toBe(true);
  });
});

test('tanh of the gates over the whole range', () => {
  const count = 40001;
  const x = Float32Array.from({ length: count }, (_, i) => ((i - 20000) / 20000) ** 3 * 100);
  const got = run('rnnTanhCell', count, (h, out) => {
    const zeros = h.alloc(count);
    return [1, count, h.f32(x), zeros, 0, out, count, zeros, 0, 0, 0];
  });
  let [absolute, relative] = [0, 0];
  for (const [i, value] of x.entries()) {
    const [y, wanted] = [got[i] as number, Math.tanh(value)];
    absolute = Math.max(absolute, Math.abs(y - wanted));
    if (wanted !== 0) relative = Math.max(relative, Math.abs(y / wanted - 1));
  }
  expect(absolute).toBeLessThan(3e-7);
  expect(relative).toBeLessThan(5e-7);
});
