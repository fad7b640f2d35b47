import { expect, test } from 'vitest';

import { mergeDimensions, stridesOf } from './strided.ts';

const merge = (shape: number[], x: number[], out = stridesOf(shape)): number[][] =>
  mergeDimensions(shape.map((size, i) => ({ size, x: x[i] as number, out: out[i] as number }))).map((d) => [
    d.size,
    d.x,
    d.out,
  ]);

// biome-ignore format: a line per copy
test.each<[string, number[][], number[][]]>([
  ['what is contiguous on both sides', merge([2, 3, 4], [12, 4, 1]), [[24, 1, 1]]],
  ['dimensions of size 1, whatever their strides', merge([1, 3, 1, 4], [99, 4, 77, 1]), [[12, 1, 1]]],
  ['one number', merge([1, 1], [5, 5]), []],
  [
    'heads and time change places',
    merge([2, 4, 8, 16], [512, 16, 64, 1]),
    [
      [2, 512, 512],
      [4, 16, 128],
      [8, 64, 16],
      [16, 1, 1],
    ],
  ],
  [
    'pictures to channels last',
    merge([2, 5, 6, 3], [90, 6, 1, 30]),
    [
      [2, 90, 90],
      [30, 1, 3],
      [3, 30, 1],
    ],
  ],
  [
    'broadcast dimensions',
    merge([2, 3, 4], [0, 0, 1]),
    [
      [6, 0, 4],
      [4, 1, 1],
    ],
  ],
  [
    'not over a gap on one side',
    merge([2, 3, 4], [12, 4, 1], [30, 5, 1]),
    [
      [2, 12, 30],
      [3, 4, 5],
      [4, 1, 1],
    ],
  ],
  ['nothing to copy stays nothing', merge([2, 0, 3], [3, 3, 1]), [[2, 3, 0], [0, 1, 1]]],
])('%s', (_, got, wanted) => {
  expect(got).toEqual(wanted);
});
