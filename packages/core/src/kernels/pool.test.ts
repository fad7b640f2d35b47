import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats, run } from '../../../../test/support/kernel-cases.ts';

/** height width outHeight outWidth kernelHeight kernelWidth strideY strideX top left dilationY dilationX */
type Sizes = readonly number[];

const cases: Record<string, Sizes> = {
  'one element': [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1],
  'halves of even sizes': [4, 16, 2, 8, 2, 2, 2, 2, 0, 0, 1, 1],
  'halves of odd sizes': [5, 15, 2, 7, 2, 2, 2, 2, 0, 0, 1, 1],
  'halves, cut off': [5, 15, 3, 8, 2, 2, 2, 2, 0, 0, 1, 1],
  'overlapping windows': [5, 7, 3, 4, 3, 3, 2, 2, 1, 1, 1, 1],
  'every other pixel': [5, 7, 3, 4, 1, 1, 2, 2, 0, 0, 1, 1],
  'windows apart': [9, 8, 3, 2, 2, 3, 3, 4, 0, 0, 1, 1],
};
const dilated: Record<string, Sizes> = {
  dilated: [5, 9, 1, 5, 3, 3, 1, 1, 0, 0, 2, 2],
  'a window of zeros only': [1, 5, 1, 5, 3, 3, 1, 1, 1, 1, 2, 1],
};
const planes = 3;
const inputs = ([height, width]: Sizes) => planes * height! * width!;
const outputs = ([, , outHeight, outWidth]: Sizes) => planes * outHeight! * outWidth!;

/** The elements of each output's window, as indices into all planes. */
function windowsOf([height, width, outHeight, outWidth, kh, kw, sy, sx, top, left, dy, dx]: Sizes): number[][] {
  const windows: number[][] = [];
  for (let plane = 0; plane < planes; plane++)
    for (let oy = 0; oy < outHeight!; oy++)
      for (let ox = 0; ox < outWidth!; ox++) {
        const window: number[] = [];
        for (let ky = 0; ky < kh!; ky++)
          for (let kx = 0; kx < kw!; kx++) {
            const y = oy * sy! - top! + ky * dy!;
            const x = ox * sx! - left! + kx * dx!;
            if (y >= 0 && y < height! && x >= 0 && x < width!) window.push((plane * height! + y) * width! + x);
          }
        windows.push(window);
      }
  return windows;
}

const maxPool = (s: Sizes, x: Float32Array) => run('maxPool', outputs(s), (h, out) => [out, h.f32(x), planes, ...s]);
const maxPoolGrad = (s: Sizes, x: Float32Array, g: Float32Array) =>
  run('maxPoolGrad', inputs(s), (h, out) => [out, h.f32(x), h.f32(g), planes, ...s]);

/** The first of the largest elements; NaN is larger than everything, and a later NaN than an earlier one. */
const winner = (x: Float32Array, window: readonly number[]) =>
  window.reduce((best, i) => (best < 0 || x[i]! > x[best]! || Number.isNaN(x[i]) ? i : best), -1);

describe.each(Object.entries({ ...cases, ...dilated }))('maxPool: %s', (_, s) => {
  // few different values, so that windows have several largest ones
  const x = floats(inputs(s), 1).map(Math.round);
  const g = floats(outputs(s), 2);

  test.each([false, true])('values and gradient, NaN among them %s', (spoilt) => {
    if (spoilt) x[Math.floor(x.length / 2)] = Number.NaN;
    const winners = windowsOf(s).map((window) => winner(x, window));
    expect(bitsOf(maxPool(s, x))).toEqual(
      bitsOf(Float32Array.from(winners, (i) => (i < 0 ? Number.NEGATIVE_INFINITY : x[i]!))),
    );
    const wanted = new Float32Array(x.length);
    winners.forEach((i, o) => {
      if (i >= 0) wanted[i]! += g[o]!;
    });
    expect(maxPoolGrad(s, x, g)).toEqual(wanted);
  });
});

describe.each(Object.entries(cases))('averagePool: %s', (_, s) => {
  const [x, g] = [floats(inputs(s), 1), floats(outputs(s), 2)];
  const [height, width, , , kh, kw, sy, sx, top, left] = s as number[];
  const windows = windowsOf(s);
  const padded = (o: number): number => {
    const [oy, ox] = [Math.floor(o / s[3]!) % s[2]!, o % s[3]!];
    const extent = (at: number, kernel: number, size: number, pad: number) => Math.min(at + kernel, size + pad) - at;
    return extent(oy * sy! - top!, kh!, height!, top!) * extent(ox * sx! - left!, kw!, width!, left!);
  };

  test.each([
    ['elements', 0, (o: number) => windows[o]!.length],
    ['elements and padding', 1, padded],
    ['nothing', 2, () => 1],
  ] as const)('divided by %s', (_, mode, divisor) => {
    const got = run('averagePool', outputs(s), (h, out) => [out, h.f32(x), planes, ...s, mode]);
    const sums = windows.map((window, o) => window.reduce((sum, i) => sum + x[i]!, 0) / divisor(o));
    expectClose(got, sums, 1e-6);
    const back = run('averagePoolGrad', inputs(s), (h, out) => [out, h.f32(g), planes, ...s, mode]);
    const wanted = new Float64Array(x.length);
    windows.forEach((window, o) => {
      for (const i of window) wanted[i]! += g[o]! / divisor(o);
    });
    expectClose(back, wanted, 1e-6);
  });
});

test.each([
  [5, 7, 2, 3],
  [3, 4, 1, 1],
  [2, 3, 5, 4],
])('adaptive windows of %i x %i to %i x %i', (height, width, outHeight, outWidth) => {
  const s = [height, width, outHeight, outWidth, 1, 1, 1, 1, 0, 0, 1, 1];
  const range = (i: number, size: number, n: number) => {
    const from = Math.floor((i * size) / n);
    return Array.from({ length: Math.ceil(((i + 1) * size) / n) - from }, (_, k) => from + k);
  };
  const x = floats(inputs(s), 1);
  const got = run('averagePool', outputs(s), (h, out) => [out, h.f32(x), planes, ...s, 3]);
  const wanted = Array.from({ length: outputs(s) }, (_, o) => {
    const plane = Math.floor(o / (outHeight * outWidth));
    const values = range(Math.floor(o / outWidth) % outHeight, height, outHeight).flatMap((y) =>
      range(o % outWidth, width, outWidth).map((c) => x[(plane * height + y) * width + c]!),
    );
    return values.reduce((a, b) => a + b, 0) / values.length;
  });
  expectClose(got, wanted, 1e-6);
});
