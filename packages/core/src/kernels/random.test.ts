import { describe, expect, test } from 'vitest';

import { expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { f32 } from './kernel-harness.ts';

const [key0, key1, position, pathId, first] = [0xdeadbeef, 0x12345678, 0xfffffffe, 0xcafef00d, 1];
const samples = 3;
const context = [key0, key1, position, 0];

/** Philox4x32-10 (Salmon et al. 2011), from the paper. */
function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter.map((word) => BigInt(word >>> 0)) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map((word) => BigInt(word >>> 0)) as [bigint, bigint];
  const low = 0xffffffffn;
  for (let round = 0; round < 10; round++) {
    const [p0, p1] = [0xd2511f53n * c0, 0xcd9e8d57n * c2];
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & low, (p0 >> 32n) ^ c3 ^ k1, p0 & low];
    [k0, k1] = [(k0 + 0x9e3779b9n) & low, (k1 + 0xbb67ae85n) & low];
  }
  return [c0, c1, c2, c3].map(Number);
}

/** Word of element e of sample i; positions count modulo 2^32. */
const wordsOf = (i: number, e: number): number[] => philox([e >> 2, pathId, position + first + i, 0], [key0, key1]);
const everyElement = (elements: number, f: (i: number, e: number) => number): Float32Array =>
  Float32Array.from({ length: samples * elements }, (_, at) => f(Math.floor(at / elements), at % elements));

test('the oracle knows the published answer', () => {
  const answer = philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]);
  expect(answer).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
});

describe.each([...sizes, 4, 15, 16, 18, 33])('%i elements of a sample', (elements) => {
  const count = samples * elements;
  const unit = (i: number, e: number): number => (wordsOf(i, e)[e & 3]! >>> 8) * 2 ** -24;

  test.each([0.1, 0.5, 0.9])('dropout of %f', (p) => {
    const x = floats(count, 1);
    const threshold = Math.floor(Math.fround(p) * 2 ** 32);
    const scale = Math.fround(1 / (1 - Math.fround(p)));
    const at = (i: number, e: number): number =>
      wordsOf(i, e)[e & 3]! >= threshold ? x[i * elements + e]! * scale : 0;
    const got = run('dropout', count, (h, out) => [
      out,
      h.f32(x),
      samples,
      elements,
      pathId,
      f32(p),
      h.i32(context),
      first,
    ]);
    expectClose(got, everyElement(elements, at), 0);
    const inPlace = run('dropout', x, (h, out) => [out, out, samples, elements, pathId, f32(p), h.i32(context), first]);
    expect(inPlace).toEqual(got);
    const second = run('dropout', elements, (h, out) => [
      out,
      h.f32(x.slice(elements, 2 * elements)),
      1,
      elements,
      pathId,
      f32(p),
      h.i32([key0, key1, position + 1, 0]),
      first,
    ]);
    expect(second, 'a sample alone, from another shard').toEqual(got.slice(elements, 2 * elements));
  });

  test('randomUniform', () => {
    const got = run('randomUniform', count, (h, out) => [out, samples, elements, pathId, h.i32(context), first]);
    expect(got).toEqual(everyElement(elements, unit));
  });

  test('randomNormal: Box and Muller, even elements cos, odd ones sin', () => {
    const normal = (i: number, e: number): number => {
      const words = wordsOf(i, e);
      const pair = (e & 3) >> 1;
      const u1 = ((words[2 * pair]! >>> 8) + 1) * 2 ** -24;
      const angle = 2 * Math.PI * (words[2 * pair + 1]! >>> 8) * 2 ** -24;
      return Math.sqrt(-2 * Math.log(u1)) * (e & 1 ? Math.sin(angle) : Math.cos(angle));
    };
    const got = run('randomNormal', count, (h, out) => [out, samples, elements, pathId, h.i32(context), first]);
    expectClose(got, everyElement(elements, normal), 3e-6);
  });
});

test('the moments are those of the distributions', () => {
  const n = 40_000;
  const of = (kernel: 'randomUniform' | 'randomNormal'): number[] =>
    Array.from(run(kernel, n, (h, out) => [out, 1, n, pathId, h.i32(context), first]));
  const moment = (values: readonly number[], k: number): number => values.reduce((sum, v) => sum + v ** k, 0) / n;
  const [u, z] = [of('randomUniform'), of('randomNormal')];
  // five standard deviations of these estimates
  expect(moment(u, 1)).toBeCloseTo(0.5, 2);
  expect(moment(u, 2)).toBeCloseTo(1 / 3, 2);
  expect(Math.abs(moment(z, 1))).toBeLessThan(0.025);
  expect(Math.abs(moment(z, 2) - 1)).toBeLessThan(0.036);
  expect(Math.abs(moment(z, 4) - 3)).toBeLessThan(0.25);
});
