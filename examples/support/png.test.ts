import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { contactSheet, encodePng, picturesOf } from './png.ts';

test('a picture in grey and one in colour, values cut to 0..1', () => {
  const grey = decode(encodePng({ data: [0, 0.5, 1, 2, -1, 0.2], shape: [1, 2, 3] }));
  expect(grey).toMatchObject({ width: 3, height: 2, channels: 1, depth: 8 });
  expect([...grey.data]).toEqual([0, 128, 255, 255, 0, 51]);
  const colour = decode(encodePng({ data: [1, 0, 0.2, 0.4, 0, 1], shape: [3, 1, 2] }));
  expect(colour).toMatchObject({ width: 2, height: 1, channels: 3 });
  expect([...colour.data]).toEqual([255, 51, 0, 0, 102, 255]);
});

test('three images in two columns', () => {
  const images = picturesOf(Float32Array.of(0, 0.1, 0.2, 0.3, 0.4, 0.6), [3, 1, 1, 2]);
  const { data, shape } = contactSheet(images, 2, 1);
  expect(shape).toEqual([1, 8, 10]);
  const at = (y: number, x: number) => (data as Float32Array)[y * 10 + x];
  expect([at(2, 2), at(2, 3), at(2, 6), at(2, 7), at(5, 2), at(5, 3)]).toEqual(
    [0, 0.1, 0.2, 0.3, 0.4, 0.6].map(Math.fround),
  );
  // The ground around them and in the place of a fourth.
  expect([at(0, 0), at(2, 4), at(5, 6)]).toEqual([0.5, 0.5, 0.5]);
  expect(contactSheet(images, 3, 4).shape).toEqual([1, 8, 32]);
});

test('images of different shapes are refused', () => {
  const one = { data: [0, 0], shape: [1, 1, 2] };
  expect(() => contactSheet([one, { data: [0, 0], shape: [1, 2, 1] }], 2)).toThrow('not [1,2,1]');
  expect(() => contactSheet([{ data: [0, 0], shape: [2, 1, 1] }], 1)).toThrow(RangeError);
});
