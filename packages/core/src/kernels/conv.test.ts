import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats, run, segmentTables, tree } from '../../../../test/support/kernel-cases.ts';
import { type ConvSizes, sizeWords } from '../ops/conv-geometry.ts';
import {
  depthwiseForwardScratch,
  depthwiseInputScratch,
  depthwiseWeightScratch,
  forwardScratch,
  inputScratch,
  isDepthwise,
  weightScratch,
} from '../ops/conv-scratch.ts';
import type { KernelHarness } from './kernel-harness.ts';

interface Case extends ConvSizes {
  readonly samples: number;
}

const of = (partial: Partial<Case> & Pick<Case, 'size' | 'kernel'>): Case => {
  const given = {
    samples: 2,
    groups: 1,
    channels: 3,
    filters: 5,
    stride: [1, 1] as const,
    before: [0, 0] as const,
    dilation: [1, 1] as const,
    ...partial,
  };
  const out = [0, 1].map((i) => {
    const [size, kernel] = [given.size[i] as number, given.kernel[i] as number];
    const [before, dilation] = [given.before[i] as number, given.dilation[i] as number];
    return Math.floor((size + 2 * before - dilation * (kernel - 1) - 1) / (given.stride[i] as number)) + 1;
  }) as [number, number];
  return { ...given, out: partial.out ?? out };
};

const cases: Record<string, Case> = {
  'one element': of({ samples: 1, channels: 1, filters: 1, size: [1, 1], kernel: [1, 1] }),
  '1x1': of({ size: [3, 5], kernel: [1, 1] }),
  '3x3': of({ size: [5, 7], kernel: [3, 3] }),
  '3x3 with padding': of({ size: [5, 7], kernel: [3, 3], before: [1, 1] }),
  'more zeros than image': of({ size: [1, 2], kernel: [2, 3], before: [3, 4] }),
  'stride 2': of({ size: [6, 7], kernel: [3, 3], stride: [2, 2], before: [1, 1] }),
  'stride beyond the kernel': of({ size: [8, 7], kernel: [1, 2], stride: [3, 3] }),
  everything: of({ groups: 2, size: [7, 9], kernel: [3, 2], stride: [2, 3], before: [1, 2], dilation: [2, 3] }),
  '17 channels and 33 filters': of({ channels: 17, filters: 33, size: [4, 5], kernel: [3, 3], before: [1, 1] }),
  'planes that are copied apart': of({ channels: 4, filters: 8, size: [16, 32], kernel: [1, 1] }),
  depthwise: of({ groups: 3, channels: 1, filters: 1, size: [9, 11], kernel: [3, 3], before: [1, 1] }),
  'depthwise over few columns': of({
    groups: 3,
    channels: 1,
    filters: 2,
    size: [5, 4],
    kernel: [3, 3],
    before: [1, 1],
  }),
  'depthwise with a stride': of({
    groups: 2,
    channels: 1,
    filters: 2,
    size: [9, 20],
    kernel: [3, 5],
    stride: [2, 2],
    before: [1, 2],
  }),
  'depthwise with everything': of({
    groups: 2,
    channels: 1,
    filters: 3,
    size: [11, 35],
    kernel: [2, 3],
    stride: [3, 3],
    before: [2, 4],
    dilation: [1, 2],
  }),
  'more positions than a block': of({
    samples: 1,
    channels: 2,
    filters: 3,
    size: [19, 17],
    kernel: [3, 3],
    before: [1, 1],
  }),
};

const elements = (s: Case) => ({
  x: s.samples * s.groups * s.channels * s.size[0] * s.size[1],
  w: s.groups * s.filters * s.channels * s.kernel[0] * s.kernel[1],
  y: s.samples * s.groups * s.filters * s.out[0] * s.out[1],
});

/** Calls `visit` for every product of the convolution: the indices into x, w and y. */
function eachProduct(s: Case, visit: (x: number, w: number, y: number) => void): void {
  const [[height, width], [kh, kw], [oh, ow]] = [s.size, s.kernel, s.out];
  for (let n = 0; n < s.samples; n++)
    for (let g = 0; g < s.groups; g++)
      for (let f = 0; f < s.filters; f++)
        for (let oy = 0; oy < oh; oy++)
          for (let ox = 0; ox < ow; ox++)
            for (let c = 0; c < s.channels; c++)
              for (let ky = 0; ky < kh; ky++)
                for (let kx = 0; kx < kw; kx++) {
                  const y = oy * s.stride[0] - s.before[0] + ky * s.dilation[0];
                  const x = ox * s.stride[1] - s.before[1] + kx * s.dilation[1];
                  if (y < 0 || y >= height || x < 0 || x >= width) continue;
                  const plane = (n * s.groups + g) * s.channels + c;
                  visit(
                    (plane * height + y) * width + x,
                    (((g * s.filters + f) * s.channels + c) * kh + ky) * kw + kx,
                    (((n * s.groups + g) * s.filters + f) * oh + oy) * ow + ox,
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

const forward = (s: Case, x: Float32Array, w: Float32Array, bias?: Float32Array, relu = 0) =>
  checked(
    run(isDepthwise(s) ? 'depthwise2d' : 'conv2d', elements(s).y, (h, out) => [
      out,
      h.f32(x),
      h.f32(w),
      bias ? h.f32(bias) : 0,
      ...sizeWords(s.samples, s),
      ...(isDepthwise(s) ? [] : [relu]),
      guarded(h, (isDepthwise(s) ? depthwiseForwardScratch : forwardScratch)(s)),
    ]),
  );
const gradInput = (s: Case, g: Float32Array, w: Float32Array, bias?: Float32Array) =>
  checked(
    run(isDepthwise(s) ? 'depthwise2dGradInput' : 'conv2dGradInput', elements(s).x, (h, out) => [
      out,
      h.f32(g),
      h.f32(w),
      bias ? h.f32(bias) : 0,
      ...sizeWords(s.samples, s),
      guarded(h, (isDepthwise(s) ? depthwiseInputScratch : inputScratch)(s)),
    ]),
  );
const gradWeight = (s: Case, x: Float32Array, g: Float32Array, segments: readonly number[]) =>
  checked(
    run(isDepthwise(s) ? 'depthwise2dGradWeight' : 'conv2dGradWeight', elements(s).w, (h, out) => [
      out,
      h.f32(x),
      h.f32(g),
      h.i32(segments),
      segments.length - 1,
      ...sizeWords(s.samples, s),
      guarded(h, (isDepthwise(s) ? depthwiseWeightScratch : weightScratch)(s, segments.length - 1)),
    ]),
  );

function checkAll(s: Case): void {
  const { x: nx, w: nw, y: ny } = elements(s);
  const [x, w, g] = [floats(nx, 1), floats(nw, 2), floats(ny, 3)];
  const wanted = { y: new Float64Array(ny), dx: new Float64Array(nx), dw: new Float64Array(nw) };
  eachProduct(s, (ix, iw, iy) => {
    wanted.y[iy]! += x[ix]! * w[iw]!;
    wanted.dx[ix]! += g[iy]! * w[iw]!;
    wanted.dw[iw]! += x[ix]! * g[iy]!;
  });
  expectClose(forward(s, x, w), wanted.y, 1e-4, 'forward');
  expectClose(gradInput(s, g, w), wanted.dx, 1e-4, 'gradient by the input');
  expectClose(gradWeight(s, x, g, [0, s.samples]), wanted.dw, 1e-4, 'gradient by the weight');
}

describe.each(Object.entries(cases))('convolution: %s', (_, s) => {
  const { x: nx, w: nw, y: ny } = elements(s);
  const [x, w, g] = [floats(nx, 1), floats(nw, 2), floats(ny, 3)];

  test('forward and gradients', () => checkAll(s));

  test('the bias is added last', () => {
    const perFilter = floats(s.groups * s.filters, 4);
    const positions = s.out[0] * s.out[1];
    const plain = forward(s, x, w);
    const filter = (i: number) => Math.floor(i / positions) % (s.groups * s.filters);
    expect(forward(s, x, w, perFilter)).toEqual(plain.map((v, i) => v + perFilter[filter(i)]!));
    const perChannel = floats(s.groups * s.channels, 5);
    const channel = (i: number) => Math.floor(i / (s.size[0] * s.size[1])) % (s.groups * s.channels);
    const back = gradInput(s, g, w);
    expect(gradInput(s, g, w, perChannel)).toEqual(back.map((v, i) => v + perChannel[channel(i)]!));
  });

  test('a sample alone gives the same bits', () => {
    const last = { ...s, samples: 1 };
    const tail = (values: Float32Array) => values.slice(values.length - values.length / s.samples);
    expect(bitsOf(forward(last, tail(x), w))).toEqual(bitsOf(tail(forward(s, x, w))));
    expect(bitsOf(gradInput(last, tail(g), w))).toEqual(bitsOf(tail(gradInput(s, g, w))));
  });

  test('sums over positions and taps ascend, each product and sum rounded', () => {
    const sums = new Float32Array(nw);
    eachProduct(s, (ix, iw, iy) => {
      sums[iw] = Math.fround(sums[iw]! + Math.fround(x[ix]! * g[iy]!));
    });
    if (!isDepthwise(s)) expect(gradWeight(s, x, g, [0, s.samples])).toEqual(sums);
    const outputs = new Float32Array(ny);
    eachProduct(s, (ix, iw, iy) => {
      outputs[iy] = Math.fround(outputs[iy]! + Math.fround(x[ix]! * w[iw]!));
    });
    expect(forward(s, x, w)).toEqual(outputs);
  });
});

const direct = Object.entries(cases).filter(([, s]) => !isDepthwise(s));
test.each(direct)('a ReLU comes after the bias: %s', (_, s) => {
  const [x, w] = [floats(elements(s).x, 1), floats(elements(s).w, 2)];
  const bias = floats(s.groups * s.filters, 4);
  const wanted = forward(s, x, w, bias).map((v) => (v < 0 ? 0 : v));
  expect(bitsOf(forward(s, x, w, bias, 1))).toEqual(bitsOf(wanted));
});

describe.each(segmentTables(7))('segments %j', (...segments) => {
  test.each([1, 2])('the weight gradient of %i channels joins segments by the tree', (channels) => {
    const s = of({ samples: 7, groups: 2, channels, filters: 3, size: [4, 3], kernel: [2, 2] });
    const { x: nx, y: ny } = elements(s);
    const [x, g] = [floats(nx, 1), floats(ny, 2)];
    const table = segments.flat();
    const whole = gradWeight(s, x, g, table);
    const parts = tree(
      0,
      table.length - 1,
      (i) => gradWeight(s, x, g, [table[i]!, table[i + 1]!]),
      (left, right) => left.map((v, i) => v + right[i]!),
    );
    expect(bitsOf(whole)).toEqual(bitsOf(parts));
  });
});

test('any convolution', () => {
  const small = fc.integer({ min: 1, max: 3 });
  const arbitrary = fc.record({
    samples: small,
    groups: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 6 }),
    filters: fc.integer({ min: 1, max: 18 }),
    size: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
    kernel: fc.tuple(small, small),
    stride: fc.tuple(small, small),
    before: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
    dilation: fc.tuple(small, small),
  });
  fc.assert(
    fc.property(arbitrary, (partial) => {
      const s = of(partial);
      fc.pre(s.out.every((n) => n > 0));
      checkAll(s);
    }),
    { numRuns: 60, seed: 7 },
  );
});

test('channelSum', () => {
  const [samples, channels, positions] = [7, 3, 11];
  const x = floats(samples * channels * positions, 1);
  const sum = (from: number, to: number) =>
    run('channelSum', channels, (h, out) => [out, h.f32(x), h.i32([from, to]), 1, channels, positions, h.alloc(64)]);
  const wanted = Float64Array.from({ length: channels }, (_, c) =>
    x.reduce((total, v, i) => (Math.floor(i / positions) % channels === c ? total + v : total), 0),
  );
  expectClose(sum(0, samples), wanted, 1e-5);
  for (const table of segmentTables(samples)) {
    const merged = run('channelSum', channels, (h, out) => [
      out,
      h.f32(x),
      h.i32(table),
      table.length - 1,
      channels,
      positions,
      h.alloc(channels * 4),
    ]);
    const parts = tree(
      0,
      table.length - 1,
      (i) => sum(table[i]!, table[i + 1]!),
      (left, right) => left.map((v, i) => v + right[i]!),
    );
    expect(bitsOf(merged)).toEqual(bitsOf(parts));
  }
});

test('a NaN stays in its own sample', () => {
  const s = of({ size: [4, 4], kernel: [3, 3], before: [1, 1] });
  const x = floats(elements(s).x, 1);
  x[0] = Number.NaN;
  const y = forward(s, x, floats(elements(s).w, 2));
  const half = y.length / 2;
  expect(Number.isNaN(y[0])).toBe(true);
  expect(y.subarray(half).every(Number.isFinite)).toBe(true);
});
