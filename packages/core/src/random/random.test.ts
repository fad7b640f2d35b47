import { describe, expect, test } from 'vitest';
import { deriveKey, pathId, permutationIndex, philox4x32, RandomStream } from './index.ts';

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
  const keys = [deriveKey(1, 'init'), deriveKey(2, 'init'), deriveKey(1, 'dropout'), deriveKey(1, 'init', 1)].map(String);
  expect(new Set(keys).size).toBe(4);
  expect(() => deriveKey(-1, 'init')).toThrow('The seed -1 must be a whole number');
  expect(pathId('a#0')).not.toBe(pathId('a#1'));
});

test('a permutation of any length is a bijection and moves things', () => {
  for (let n = 1; n <= 300; n++) {
    const seen = new Set(Array.from({ length: n }, (_, i) => permutationIndex(n, [n, 7], i)));
    expect(seen.size).toBe(n);
    expect(Math.max(...seen)).toBe(n - 1);
  }
  const n = 100_000;
  const fixed = Array.from({ length: n }, (_, i) => i).filter((i) => permutationIndex(n, [1, 2], i) === i);
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
