import { describe, expect, test } from 'vitest';

import { expectClose, floats, run } from '../../../../test/support/kernel-cases.ts';

interface Case {
  readonly samples: number;
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly out: readonly [number, number];
}

/** By the formula, in float64: shares of the four neighbours of every output pixel, those outside of the image left out. */
function neighbours(
  matrix: ArrayLike<number>,
  [height, width]: readonly number[],
  x: number,
  y: number,
): [number, number][] {
  const [m0, m1, m2, m3, m4, m5] = Array.from(matrix) as [number, number, number, number, number, number];
  const [sx, sy] = [m0 * x + m1 * y + m2, m3 * x + m4 * y + m5];
  const [x0, y0] = [Math.floor(sx), Math.floor(sy)];
  return [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ].flatMap(([dx, dy]) => {
    const [px, py] = [x0 + dx!, y0 + dy!];
    const share = (1 - Math.abs(sx - px)) * (1 - Math.abs(sy - py));
    return px >= 0 && px < width! && py >= 0 && py < height! ? [[py * width! + px, share] as [number, number]] : [];
  });
}

function everyPixel(
  { samples, channels, size, out }: Case,
  matrices: Float32Array,
  visit: (from: number, to: number, share: number) => void,
) {
  const [area, outArea] = [size[0] * size[1], out[0] * out[1]];
  for (let i = 0; i < samples; i++) {
    for (let c = 0; c < channels; c++) {
      const image = i * channels + c;
      for (let y = 0; y < out[0]; y++) {
        for (let x = 0; x < out[1]; x++) {
          const to = image * outArea + y * out[1] + x;
          for (const [at, share] of neighbours(matrices.subarray(6 * i, 6 * i + 6), size, x, y)) {
            visit(image * area + at, to, share);
          }
        }
      }
    }
  }
}

const cases: Case[] = [
  { samples: 1, channels: 1, size: [1, 1], out: [1, 1] },
  { samples: 3, channels: 1, size: [5, 7], out: [5, 7] },
  { samples: 2, channels: 3, size: [7, 5], out: [3, 11] },
  { samples: 5, channels: 2, size: [1, 8], out: [4, 1] },
];

describe.each(cases)('$samples x $channels images $size to $out', (shapes) => {
  const { samples, channels, size, out } = shapes;
  const [count, outCount] = [samples * channels * size[0] * size[1], samples * channels * out[0] * out[1]];
  const matrices = floats(6 * samples, 5, 1.5);
  const x = floats(count, 1);
  const g = floats(outCount, 2);
  const words = [samples, channels, ...size, ...out];

  test('affineWarp', () => {
    const wanted = new Float64Array(outCount);
    everyPixel(shapes, matrices, (from, to, share) => {
      wanted[to]! += share * x[from]!;
    });
    const got = run('affineWarp', outCount, (h, o) => [o, h.f32(x), h.f32(matrices), ...words]);
    expectClose(got, wanted, 1e-5);
  });

  test('affineWarpGrad', () => {
    const wanted = new Float64Array(count);
    everyPixel(shapes, matrices, (from, to, share) => {
      wanted[from]! += share * g[to]!;
    });
    const got = run('affineWarpGrad', count, (h, o) => [o, h.f32(matrices), h.f32(g), ...words]);
    expectClose(got, wanted, 1e-5);
  });
});

test('whole places are copied, to the bit', () => {
  const x = floats(15, 3);
  const at = (matrix: readonly number[]) =>
    Array.from(run('affineWarp', 15, (h, o) => [o, h.f32(x), h.f32(matrix), 1, 1, 3, 5, 3, 5]));
  expect(at([1, 0, 0, 0, 1, 0])).toEqual(Array.from(x));
  expect(at([-1, 0, 4, 0, -1, 2])).toEqual(Array.from(x).reverse());
  expect(at([1, 0, 2, 0, 1, -1])).toEqual([0, 0, 0, 0, 0, x[2], x[3], x[4], 0, 0, x[7], x[8], x[9], 0, 0]);
});

test.each([
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a place beyond every integer', -3e38],
])('%s in the matrix reads nothing', (_, value) => {
  const got = run('affineWarp', 4, (h, o) => [o, h.f32([1, 2, 3, 4]), h.f32([1, 0, value, 0, 1, 0]), 1, 1, 2, 2, 2, 2]);
  expect(Array.from(got)).toEqual([0, 0, 0, 0]);
});
