import { describe, expect, test } from 'vitest';

import { bitsOf, floats, run, segmentTables, tree } from '../../../../test/support/kernel-cases.ts';
import { type ConvSizes, sizeWords } from '../ops/conv-geometry.ts';
import { isWinograd, winogradForward, winogradInput, winogradWeight } from '../ops/winograd-sizes.ts';
import type { KernelHarness } from './kernel-harness.ts';

interface Case extends ConvSizes {
  readonly samples: number;
}

function of(
  samples: number,
  [channels, filters]: [number, number],
  size: [number, number],
  before: [number, number],
): Case {
  const out = size.map((s, i) => s + 2 * (before[i] as number) - 2) as [number, number];
  const [kernel, one] = [[3, 3] as const, [1, 1] as const];
  return { samples, groups: 1, channels, filters, size, kernel, out, stride: one, before, dilation: one };
}

const cases: Record<string, Case> = {
  'whole tiles': of(2, [16, 16], [8, 12], [1, 1]),
  'tiles over the edge': of(3, [8, 24], [7, 13], [1, 1]),
  'no padding': of(2, [12, 8], [10, 9], [0, 0]),
  'padding of two in one direction': of(2, [8, 8], [6, 9], [2, 0]),
  'odd channels and filters': of(2, [17, 21], [8, 7], [1, 1]),
  'several blocks of strips': of(5, [24, 40], [20, 24], [1, 1]),
};

const elements = (s: Case) => ({
  x: s.samples * s.channels * s.size[0] * s.size[1],
  w: s.filters * s.channels * 9,
  y: s.samples * s.filters * s.out[0] * s.out[1],
});

/** Calls `visit` for every product of the convolution: the indices into x, w and y. */
function eachProduct(s: Case, visit: (x: number, w: number, y: number) => void): void {
  const [[height, width], [oh, ow]] = [s.size, s.out];
  for (let n = 0; n < s.samples; n++)
    for (let f = 0; f < s.filters; f++)
      for (let c = 0; c < s.channels; c++)
        for (let tap = 0; tap < 9; tap++)
          for (let oy = 0; oy < oh; oy++)
            for (let ox = 0; ox < ow; ox++) {
              const [y, x] = [oy - s.before[0] + Math.floor(tap / 3), ox - s.before[1] + (tap % 3)];
              if (y < 0 || y >= height || x < 0 || x >= width) continue;
              const plane = n * s.channels + c;
              visit(
                (plane * height + y) * width + x,
                (f * s.channels + c) * 9 + tap,
                ((n * s.filters + f) * oh + oy) * ow + ox,
              );
            }
}

/** Scratch of exactly so many bytes, and a check that nothing behind it was written. */
function guarded(h: KernelHarness, bytes: number): number {
  const words = bytes / 4;
  const address = h.f32(new Float32Array(words + 16).fill(4321));
  guards.push(() => expect(h.read(address + bytes, 16)).toEqual(new Float32Array(16).fill(4321)));
  return address;
}
const guards: (() => void)[] = [];
const checked = <T>(result: T): T => {
  for (const check of guards.splice(0)) check();
  return result;
};

const optional = (h: KernelHarness, values?: Float32Array) => (values ? h.f32(values) : 0);
const forward = (s: Case, x: Float32Array, w: Float32Array, bias?: Float32Array, relu = 0) =>
  checked(
    run('winograd', elements(s).y, (h, out) => {
      const { strips, bytes } = winogradForward(s);
      return [out, h.f32(x), h.f32(w), optional(h, bias), ...sizeWords(s.samples, s), relu, strips, guarded(h, bytes)];
    }),
  );
const gradInput = (s: Case, g: Float32Array, w: Float32Array, bias?: Float32Array) =>
  checked(
    run('winogradGradInput', elements(s).x, (h, out) => {
      const { strips, bytes } = winogradInput(s);
      return [out, h.f32(g), h.f32(w), optional(h, bias), ...sizeWords(s.samples, s), 0, strips, guarded(h, bytes)];
    }),
  );
const gradWeight = (s: Case, x: Float32Array, g: Float32Array, segments: readonly number[]) =>
  checked(
    run('winogradGradWeight', elements(s).w, (h, out) => {
      const count = segments.length - 1;
      const { strips, bytes } = winogradWeight(s, count);
      const words = [h.i32(segments), count, ...sizeWords(s.samples, s), strips];
      return [out, h.f32(x), h.f32(g), ...words, guarded(h, bytes)];
    }),
  );

/** Errors count beside the largest magnitude: each result is a combination of sums that may be larger than itself. */
function expectNear(got: Float32Array, wanted: Float64Array, label: string): void {
  const largest = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  const worst = wanted.reduce((most, v, i) => Math.max(most, Math.abs(v - (got[i] as number))), 0);
  expect(worst / largest, label).toBeLessThan(5e-6);
}

describe.each(Object.entries(cases))('Winograd: %s', (_, s) => {
  const { x: nx, w: nw, y: ny } = elements(s);
  const [x, w, g] = [floats(nx, 1), floats(nw, 2), floats(ny, 3)];

  test('is chosen for these shapes', () => expect(isWinograd(s)).toBe(true));

  test('forward and gradients', () => {
    const wanted = { y: new Float64Array(ny), dx: new Float64Array(nx), dw: new Float64Array(nw) };
    eachProduct(s, (ix, iw, iy) => {
      wanted.y[iy]! += x[ix]! * w[iw]!;
      wanted.dx[ix]! += g[iy]! * w[iw]!;
      wanted.dw[iw]! += x[ix]! * g[iy]!;
    });
    expectNear(forward(s, x, w), wanted.y, 'forward');
    expectNear(gradInput(s, g, w), wanted.dx, 'gradient by the input');
    expectNear(gradWeight(s, x, g, [0, s.samples]), wanted.dw, 'gradient by the weight');
  });

  test('the bias is added last', () => {
    const perFilter = floats(s.filters, 4);
    const filter = (i: number) => Math.floor(i / (s.out[0] * s.out[1])) % s.filters;
    expect(forward(s, x, w, perFilter)).toEqual(forward(s, x, w).map((v, i) => v + perFilter[filter(i)]!));
    const perChannel = floats(s.channels, 5);
    const channel = (i: number) => Math.floor(i / (s.size[0] * s.size[1])) % s.channels;
    expect(gradInput(s, g, w, perChannel)).toEqual(gradInput(s, g, w).map((v, i) => v + perChannel[channel(i)]!));
  });

  test('a ReLU comes after the bias', () => {
    const bias = floats(s.filters, 4);
    const wanted = forward(s, x, w, bias).map((v) => (v < 0 ? 0 : v));
    expect(bitsOf(forward(s, x, w, bias, 1))).toEqual(bitsOf(wanted));
  });

  test('a sample alone gives the same bits', () => {
    const last = { ...s, samples: 1 };
    const tail = (values: Float32Array) => values.slice(values.length - values.length / s.samples);
    expect(bitsOf(forward(last, tail(x), w))).toEqual(bitsOf(tail(forward(s, x, w))));
    expect(bitsOf(gradInput(last, tail(g), w))).toEqual(bitsOf(tail(gradInput(s, g, w))));
  });
});

test.each(segmentTables(7))('segments %j: the weight gradient joins them by the tree', (...segments) => {
  const s = of(7, [9, 17], [8, 5], [1, 1]);
  const { x: nx, y: ny } = elements(s);
  const [x, g] = [floats(nx, 1), floats(ny, 2)];
  const table = segments.flat();
  const parts = tree(
    0,
    table.length - 1,
    (i) => gradWeight(s, x, g, [table[i]!, table[i + 1]!]),
    (left, right) => left.map((v, i) => v + right[i]!),
  );
  expect(bitsOf(gradWeight(s, x, g, table))).toEqual(bitsOf(parts));
});

test('few channels, other kernels and small images go the direct way', () => {
  const s = of(2, [16, 16], [8, 8], [1, 1]);
  const others: Partial<Case>[] = [
    { channels: 7 },
    { filters: 4 },
    { groups: 2 },
    { kernel: [3, 5] },
    { stride: [2, 1] },
    { dilation: [1, 2] },
    { before: [3, 1] },
    { out: [9, 1] },
  ];
  for (const other of others) expect(isWinograd({ ...s, ...other }), JSON.stringify(other)).toBe(false);
});
