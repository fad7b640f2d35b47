import { describe, expect, test } from 'vitest';
import { digestOfFloats } from '../formats/digest.ts';
import { deriveKey, generator, Permutation, pathId, philox4x32, RandomStream } from './index.ts';

describe('Philox4x32-10', () => {
  // Known answers of the authors' Random123 library.
  test.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [[-1, -1, -1, -1], [-1, -1], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('counter %j key %j', (counter, key, expected) => {
    const out = new Uint32Array(4);
    const [c0, c1, c2, c3] = counter as [number, number, number, number];
    philox4x32(c0, c1, c2, c3, key[0] as number, key[1] as number, out);
    expect([...out].map((word) => word.toString(16).padStart(8, '0')).join(' ')).toBe(expected);
  });
});

test('keys of different seeds, purposes and steps differ; a bad seed is refused', () => {
  const keys = [deriveKey(1, 'init'), deriveKey(2, 'init'), deriveKey(1, 'dropout'), deriveKey(1, 'init', 1)].map(
    String,
  );
  expect(new Set(keys).size).toBe(4);
  expect(() => deriveKey(-1, 'init')).toThrow('The seed -1 must be a whole number');
  expect(pathId('a#0')).not.toBe(pathId('a#1'));
});

test('a permutation of any length is a bijection and moves things', () => {
  for (let n = 1; n <= 300; n++) {
    const order = new Permutation(n, [n, 7]);
    const seen = new Set(Array.from({ length: n }, (_, i) => order.at(i)));
    expect(seen.size).toBe(n);
    expect(Math.max(...seen)).toBe(n - 1);
  }
  const n = 100_000;
  const order = new Permutation(n, [1, 2]);
  const fixed = Array.from({ length: n }, (_, i) => i).filter((i) => order.at(i) === i);
  expect(fixed.length).toBeLessThan(10);
});

test('elements of a stream depend on their place alone, and have the right moments', () => {
  const stream = new RandomStream(deriveKey(3, 'init'), pathId('w'));
  const values = new Float32Array(20_000);
  stream.fillNormal(values, 0, 1);
  expect(values[777]).toBe(Math.fround(stream.normal(777)));
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  stream.fillUniform(values, -2, 3);
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-2);
  expect(Math.max(...values)).toBeLessThan(3);
});

test('fills hold the numbers of their places, for every length', () => {
  const stream = new RandomStream(deriveKey(5, 'noise'), 9);
  for (let length = 0; length < 10; length++) {
    const [uniform, normal] = [new Float32Array(length), new Float32Array(length)];
    stream.fillUniform(uniform, -1, 1);
    stream.fillNormal(normal, 2, 3);
    for (let i = 0; i < length; i++) {
      expect(uniform[i]).toBe(Math.fround(-1 + 2 * stream.uniform(i)));
      expect(normal[i]).toBe(Math.fround(2 + 3 * stream.normal(i)));
    }
  }
});

test('a permutation of 2^40 places can be walked without memory', () => {
  const n = 2 ** 40 - 87;
  const order = new Permutation(n, [3, 4]);
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const index = order.at(n - 1 - i);
    expect(index).toBeGreaterThanOrEqual(0);
    expect(index).toBeLessThan(n);
    seen.add(index);
  }
  expect(seen.size).toBe(1000);
  expect(() => new Permutation(10, [1, 2]).at(10)).toThrow('There is no position 10 in a permutation of 10');
  expect(() => new Permutation(2 ** 49, [1, 2]).at(0)).toThrow('n at most 2^48');
});

test('the places of neighbours are spread evenly', () => {
  const n = 4096;
  const shuffled = new Permutation(n, [8, 9]);
  const order = Array.from({ length: n }, (_, i) => shuffled.at(i));
  const halves = [0, 0, 0, 0];
  for (let i = 0; i + 1 < n; i++) {
    const cell = ((order[i] as number) < n / 2 ? 0 : 2) + ((order[i + 1] as number) < n / 2 ? 0 : 1);
    halves[cell] = (halves[cell] as number) + 1;
  }
  for (const count of halves) expect(Math.abs(count - n / 4)).toBeLessThan(4 * Math.sqrt(n / 4));
});

test('a generator gives its stream one after the other', () => {
  const [one, two] = [generator(7), generator(7)];
  const draw = (random: typeof one) =>
    Array.from({ length: 50 }, () => [random.uniform(), random.normal(), random.int(6)]);
  const drawn = draw(one);
  expect(drawn).toEqual(draw(two));
  expect(new Set(drawn.map(([, , face]) => face))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  expect(generator(8).uniform()).not.toBe(generator(7).uniform());
});

// A change of any of these changes the weights of every run: it needs a new numericsVersion.
test('known answers of this numerics version', () => {
  expect(deriveKey(42, 'shuffle', 1)).toEqual([3992907828, 719181511]);
  expect(deriveKey(2 ** 53 - 1, 'dropout', 2 ** 40, 2, 3)).toEqual([2106951752, 3795474047]);
  expect(pathId('blocks.0.attention#1')).toBe(2955398143);
  const [ten, million] = [10, 1_000_000].map((n) => new Permutation(n, deriveKey(42, 'shuffle', 1))) as [
    Permutation,
    Permutation,
  ];
  expect(Array.from({ length: 10 }, (_, i) => ten.at(i))).toEqual([7, 2, 0, 6, 4, 3, 8, 5, 9, 1]);
  expect([0, 1, 2, 999_999].map((i) => million.at(i))).toEqual([940017, 100626, 711302, 728754]);
  const values = new Float32Array(10_000);
  new RandomStream(deriveKey(42, 'init'), pathId('w')).fillNormal(values, 0, 1);
  expect(digestOfFloats(values)).toBe('84d29e3df23944c5792c8d8106dc5b3d425f6a3179dbe9d71cfdc29c40b30dbd');
});
