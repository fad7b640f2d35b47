import { DataError } from '@lockstep/core';
import { describe, expect, test } from 'vitest';
import { type BatchInput, packBatch } from './pack-batch.ts';

const model = {
  fields: [
    { name: 'x', dtype: 'f32', shape: [2, 2] },
    { name: 'label', dtype: 'i32', shape: [] },
    { name: 'pixel', dtype: 'u8', shape: [1] },
    { name: 'unused', dtype: 'f32', shape: [] },
  ],
  predictFields: ['x', 'label', 'pixel'],
} as const;

const good: BatchInput = {
  x: [
    [
      [1, 2],
      [3, 4],
    ],
    [5, 6, 7, 8],
  ],
  label: [3, -4],
  pixel: [[255], Uint8Array.of(0)],
};

test('rows, nested or flat, become one typed array per field', () => {
  expect(packBatch(model, good)).toEqual({
    rows: 2,
    inputs: {
      x: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      label: Int32Array.of(3, -4),
      pixel: Uint8Array.of(255, 0),
    },
  });
});

test('typed arrays hold all rows', () => {
  const { rows, inputs } = packBatch(model, {
    x: new Float32Array(12),
    label: Float32Array.of(1, 2, 3),
    pixel: [1, 2, 3],
  });
  expect(rows).toBe(3);
  expect(inputs.label).toEqual(Int32Array.of(1, 2, 3));
});

describe.each<[what: string, change: Record<string, unknown>, says: string]>([
  ['missing', { x: undefined }, 'field "x" is missing; this model reads "x", "label", "pixel"'],
  ['no array', { x: 'text' }, 'field "x" must be an array of rows'],
  [
    'rows of other sizes',
    {
      x: [
        [1, 2, 3],
        [4, 5, 6, 7, 8],
      ],
    },
    '"x" has 3 values in row 0; every row must have shape [2, 2]',
  ],
  ['a typed array that is no whole number of rows', { x: new Float32Array(7) }, '"x" has 7 values; every row must'],
  ['no rows', { x: [] }, 'field "x" has no rows'],
  ['another number of rows', { label: [1] }, 'field "label" has 1 rows, others have 2'],
  [
    'text',
    {
      x: [
        [1, 2, 3, '4'],
        [1, 2, 3, 4],
      ],
    },
    '"x" must hold numbers, not "4" (row 0)',
  ],
  [
    'a hole',
    {
      x: [
        [1, 2, 3, 4],
        [1, 2, undefined, 4],
      ],
    },
    '"x" must hold numbers, not undefined (row 1)',
  ],
  ['a fraction', { label: [1, 2.5] }, '"label" must hold whole numbers of 32 bits, not 2.5 (row 1)'],
  ['beyond 32 bits', { label: [2 ** 31, 1] }, '"label" must hold whole numbers of 32 bits, not 2147483648'],
  ['beyond a byte', { pixel: [1, 256] }, '"pixel" must hold whole numbers from 0 to 255, not 256 (row 1)'],
])('%s', (_, change, says) => {
  test('is told by the name of the field', () => {
    const pack = () => packBatch(model, { ...good, ...change } as BatchInput);
    expect(pack).toThrow(DataError);
    expect(pack).toThrow(says);
  });
});

test('a model that reads no field is told how many rows to make', () => {
  const generator = { fields: model.fields, predictFields: [] };
  expect(packBatch(generator, {}, 5)).toEqual({ rows: 5, inputs: {} });
  for (const rows of [undefined, 0, 1.5]) {
    expect(() => packBatch(generator, {}, rows)).toThrow('say how many rows it should make');
  }
  expect(() => packBatch(model, good, 3)).toThrow('the fields have 2 rows, but rows: 3 is asked for');
});
