import { describe, expect, test } from 'vitest';
import { ShapeError, UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { evaluateBatch } from '../program/evaluate-batch.ts';
import { RandomStream } from '../random/stream.ts';
import * as augment from './index.ts';

const [samples, channels, height, width] = [64, 3, 5, 7];
const size = channels * height * width;
const images = new Float32Array(samples * size);
new RandomStream([1, 2], 3).fillUniform(images, 0.1, 1);

type Augmentation = (x: Tensor) => Tensor;
const image = { data: images, shape: [samples, channels, height, width] };
const apply = (f: Augmentation, options?: { training?: boolean; seed?: number; step?: number }) =>
  evaluateBatch(({ x }) => ({ y: f(x) }), { x: image }, options).y;

/** Pixels of channel c of image i, row by row. */
const rows = (values: ArrayLike<number>, i: number, c: number, [h, w] = [height, width]): number[][] =>
  Array.from({ length: h }, (_, y) =>
    Array.from({ length: w }, (_, x) => values[((i * channels + c) * h + y) * w + x] as number),
  );

const all: [string, Augmentation][] = [
  ['randomCrop', (x) => augment.randomCrop(x, { padding: 2 })],
  ['randomHorizontalFlip', (x) => augment.randomHorizontalFlip(x)],
  ['randomVerticalFlip', (x) => augment.randomVerticalFlip(x)],
  ['randomRotation', (x) => augment.randomRotation(x, { degrees: 30 })],
  [
    'randomAffine',
    (x) => augment.randomAffine(x, { degrees: 10, translate: [0.1, 0.2], scale: [0.8, 1.2], shear: 15 }),
  ],
  ['colorJitter', (x) => augment.colorJitter(x, { brightness: 0.3, contrast: 0.3, saturation: 0.3 })],
];

describe.each(all)('%s', (_, f) => {
  test('changes images only in training, others at each step and seed, each image differently', () => {
    expect(apply(f, { training: false })).toEqual(images);
    const changed = apply(f);
    expect(changed).not.toEqual(images);
    expect(changed.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(apply(f)).toEqual(changed);
    expect(apply(f, { step: 1 })).not.toEqual(changed);
    expect(apply(f, { seed: 1 })).not.toEqual(changed);
  });

  test('what is no image is refused', () => {
    for (const shape of [
      [4, 9],
      [4, 1, 3],
      [4, 1, 3, 3, 1],
    ]) {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
      expect(() => evaluateBatch(({ x }) => ({ y: f(x) }), { x: { data, shape } })).toThrow(UsageError);
      expect(() => evaluateBatch(({ x }) => ({ y: f(x) }), { x: { data, shape } })).toThrow(
        'the images must be f32 [batch, channels, height, width]',
      );
    }
    const bytes = { data: new Uint8Array(18), shape: [2, 1, 3, 3] };
    expect(() => evaluateBatch(({ x }) => ({ y: f(x) }), { x: bytes })).toThrow('not u8 [batch, 1, 3, 3]');
  });
});

test('a flip mirrors about half of the images, the others stay', () => {
  for (const [f, mirror] of [
    [augment.randomHorizontalFlip, (image: number[][]) => image.map((row) => row.toReversed())],
    [augment.randomVerticalFlip, (image: number[][]) => image.toReversed()],
  ] as const) {
    const flipped = apply((x) => f(x, { p: 0.5 }));
    let mirrored = 0;
    for (let i = 0; i < samples; i++) {
      const turned = rows(flipped, i, 0)[0]?.[0] !== rows(images, i, 0)[0]?.[0];
      if (turned) mirrored++;
      for (let c = 0; c < channels; c++)
        expect(rows(flipped, i, c)).toEqual(turned ? mirror(rows(images, i, c)) : rows(images, i, c));
    }
    expect(mirrored).toBeGreaterThan(samples * 0.3);
    expect(mirrored).toBeLessThan(samples * 0.7);
    expect(apply((x) => f(x, { p: 0 }))).toEqual(images);
    expect(apply((x) => f(x, { p: 1 }))).not.toEqual(images);
    expect(apply((x) => f(f(x, { p: 1 }), { p: 1 }))).toEqual(images);
  }
});

test('a crop is a window of the padded image, at every place', () => {
  const padding = 2;
  const cropped = apply((x) => augment.randomCrop(x, { padding }));
  const places = new Set<string>();
  for (let i = 0; i < samples; i++) {
    const padded = (y: number, x: number) => rows(images, i, 1)[y - padding]?.[x - padding] ?? 0;
    const window = (top: number, left: number) =>
      Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => padded(top + y, left + x)));
    const found = Array.from({ length: 25 }, (_, k) => [Math.floor(k / 5), k % 5] as const).find(
      ([top, left]) => String(window(top, left)) === String(rows(cropped, i, 1)),
    );
    expect(found, `image ${i}`).toBeDefined();
    places.add(String(found));
  }
  expect(places.size).toBeGreaterThan(18);
});

test('a crop to another size: anywhere in training, else from the middle', () => {
  const crop: Augmentation = (x) => augment.randomCrop(x, { size: [3, 4] });
  const middle = apply(crop, { training: false });
  expect(rows(middle, 5, 2, [3, 4])).toEqual(
    rows(images, 5, 2)
      .slice(1, 4)
      .map((row) => row.slice(1, 5)),
  );
  expect(apply(crop)).toHaveLength(samples * channels * 12);
  expect(apply((x) => augment.randomCrop(x, { size: 5 }))).toHaveLength(samples * channels * 25);
});

test('an affine map by whole quarters is exact, and about the centre', () => {
  const square = { data: images.subarray(0, 2 * 25), shape: [2, 1, 5, 5] };
  const turned = (degrees: number) =>
    evaluateBatch(({ x }) => ({ y: augment.randomRotation(x, { degrees: [degrees, degrees] }) }), { x: square }).y;
  const at = (values: ArrayLike<number>, y: number, x: number) => values[y * 5 + x] as number;
  // torchvision turns by `degrees` clockwise here: what was on the left is at the top.
  for (let y = 0; y < 5; y++) {
    for (let x = 0; x < 5; x++) {
      expect(at(turned(90), y, x)).toBeCloseTo(at(square.data, 4 - x, y), 5);
      expect(at(turned(180), y, x)).toBeCloseTo(at(square.data, 4 - y, 4 - x), 5);
    }
  }
  expect(apply((x) => augment.randomAffine(x, {}))).toEqual(images);
});

test('scale, shift and shear by hand', () => {
  const dot = new Float32Array(81);
  dot[2 * 9 + 6] = 1;
  const place = (options: augment.RandomAffineOptions, seed = 0) => {
    const x = { data: dot, shape: [1, 1, 9, 9] };
    const { y } = evaluateBatch((batch) => ({ y: augment.randomAffine(batch.x, options) }), { x }, { seed });
    let [sum, sumX, sumY] = [0, 0, 0];
    for (const [i, value] of y.entries()) {
      sum += value;
      sumX += value * (i % 9);
      sumY += value * Math.floor(i / 9);
    }
    return { sum, x: sumX / sum - 4, y: sumY / sum - 4 };
  };
  // The dot lies 2 right of and 2 above the centre.
  expect(place({ scale: [1.5, 1.5] })).toMatchObject({ x: expect.closeTo(3, 4), y: expect.closeTo(-3, 4) });
  expect(place({ shear: [45, 45] })).toMatchObject({ x: expect.closeTo(4, 4), y: expect.closeTo(-2, 4) });
  for (const seed of [0, 1, 2, 3]) {
    const shifted = place({ translate: [2 / 9, 0] }, seed);
    expect(Math.abs(shifted.x - 2)).toBeLessThanOrEqual(2);
    expect(shifted.y).toBeCloseTo(-2, 4);
  }
});

test("brightness multiplies, contrast moves away from the mean grey, saturation from each pixel's grey", () => {
  const by = (options: augment.ColorJitterOptions) => apply((x) => augment.colorJitter(x, options));
  const clamp = (x: number) => Math.min(1, Math.max(0, x));
  const grey = (at: number) => {
    const [i, p] = [Math.floor(at / size), at % (height * width)];
    const part = (c: number) => images[i * size + c * height * width + p] as number;
    return 0.2989 * part(0) + 0.587 * part(1) + 0.114 * part(2);
  };
  const meanGrey = (at: number) => {
    const from = Math.floor(at / size) * size;
    let sum = 0;
    for (let p = 0; p < height * width; p++) sum += grey(from + p);
    return sum / (height * width);
  };
  const expectEach = (values: ArrayLike<number>, f: (x: number, at: number) => number) => {
    for (let at = 0; at < images.length; at++) expect(values[at]).toBeCloseTo(clamp(f(images[at] as number, at)), 5);
  };
  expectEach(by({ brightness: [1.5, 1.5] }), (x) => 1.5 * x);
  expectEach(by({ contrast: [0.5, 0.5] }), (x, at) => 0.5 * x + 0.5 * meanGrey(at));
  expectEach(by({ saturation: [2, 2] }), (x, at) => 2 * x - grey(at));
  expect(by({})).toEqual(images);
  const plain = { x: { data: images.subarray(0, 35), shape: [1, 1, 5, 7] } };
  const { y } = evaluateBatch(({ x }) => ({ y: augment.colorJitter(x, { contrast: [0, 0] }) }), plain);
  for (const value of y) expect(value).toBeCloseTo(images.subarray(0, 35).reduce((a, b) => a + b) / 35, 5);
});

test.each<[string, Augmentation, string]>([
  ['p', (x) => augment.randomHorizontalFlip(x, { p: 1.5 }), 'randomHorizontalFlip: p must be in [0, 1], not 1.5'],
  [
    'degrees',
    (x) => augment.randomRotation(x, { degrees: Number.NaN }),
    'degrees must be a number from 0 or [low, high], not null',
  ],
  ['degrees the wrong way', (x) => augment.randomRotation(x, { degrees: [5, -5] }), 'or [low, high], not [5,-5]'],
  ['translate', (x) => augment.randomAffine(x, { translate: [2, 0] }), 'translate [2, 0] must be fractions in [0, 1]'],
  ['scale', (x) => augment.randomAffine(x, { scale: [0, 1] }), 'scale [0, 1] must be [low, high] above 0'],
  ['shear', (x) => augment.randomAffine(x, { shear: 90 }), 'must lie between -90 and 90 degrees'],
  ['padding', (x) => augment.randomCrop(x, { padding: -1 }), 'padding must be a whole number of at least 0, not -1'],
  [
    'size',
    (x) => augment.randomCrop(x, { size: [6, 7] }),
    '[6, 7] is larger than the image [5, 7] with a padding of 0',
  ],
  [
    'brightness',
    (x) => augment.colorJitter(x, { brightness: [-1, 1] }),
    'brightness must be a number from 0 or [low, high] from 0',
  ],
  [
    'channels',
    (x) => augment.colorJitter(x.slice(1, 0, 2), { contrast: 1 }),
    'images have 1 channel or 3 (RGB), not 2',
  ],
])('%s out of range is refused', (_, f, message) => {
  expect(() => apply(f)).toThrow(UsageError);
  expect(() => apply(f)).toThrow(message);
});

test('random numbers need the batch first, a warp its own matrix for each image', () => {
  expect(() => ops.randomUniform([3, 2])).toThrow(ShapeError);
  expect(() => ops.randomUniform([3, 2])).toThrow('the first dimension must be the batch');
  expect(() => apply((x) => ops.affineWarp(x, ops.tensor([[1, 0, 0, 0, 1, 0]])))).toThrow(
    'the matrix must be [batch, 6]',
  );
  expect(() => ops.affineWarp(ops.zeros([2, 3]), ops.zeros([2, 6]))).toThrow(
    'the image must be [batch, channels, height, width]',
  );
});
