import { expect, test } from 'vitest';
import { DataError } from '../errors.ts';
import { arrays } from './arrays.ts';

const image = { data: new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]), shape: [2, 2, 2] };
const label = new Int32Array([7, 9]);

test('a sample is one row of every field', () => {
  const source = arrays({ image, label });
  expect(source.length).toBe(2);
  expect(source.shapes).toEqual({ image: [2, 2], label: [] });
  expect(source.sample(1)).toEqual({ image: new Float32Array([5, 6, 7, 8]), label: new Int32Array([9]) });
});

test('the digest follows names, dtypes, shapes and bytes', () => {
  const sources = [
    arrays({ label }),
    arrays({ class: label }),
    arrays({ label: new Int32Array([7, 8]) }),
    arrays({ label: new Float32Array(new Int32Array([7, 9]).buffer) }),
    arrays({ label: { data: label, shape: [1, 2] } }),
  ];
  expect(new Set(sources.map(({ digest }) => digest)).size).toBe(5);
});

test('lengths that do not fit are refused by name', () => {
  expect(() => arrays({})).toThrow(DataError);
  expect(() => arrays({ image, label: new Int32Array(3) })).toThrow('"label" has 3 samples, "image" has 2');
  expect(() => arrays({ image: { data: image.data, shape: [3, 2] } })).toThrow(
    '"image" has 8 values, which do not fill shape [3, 2]',
  );
});
