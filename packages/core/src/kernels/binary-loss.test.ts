import { describe, expect, test } from 'vitest';

import { expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';

const share = (count: number, seed: number): Float32Array => floats(count, seed, 1).map(Math.abs);
const value = (p: Float32Array, t: Float32Array): Float32Array =>
  run('binaryCrossEntropy', p.length, (h, out) => [out, h.f32(p), h.f32(t), p.length]);
const slope = (p: Float32Array, t: Float32Array, g: Float32Array): Float32Array =>
  run('binaryCrossEntropyGrad', p.length, (h, out) => [out, h.f32(p), h.f32(t), h.f32(g), p.length]);

describe.each(sizes)('%i elements', (n) => {
  const [p, t, g] = [share(n, 1), share(n, 2), floats(n, 3)];

  test('values and slopes', () => {
    const at = (i: number): [number, number] => [p[i] as number, t[i] as number];
    const values = Array.from(p, (_, i) => -at(i)[1] * Math.log(at(i)[0]) - (1 - at(i)[1]) * Math.log1p(-at(i)[0]));
    expectClose(value(p, t), values, 1e-6);
    const slopes = Array.from(p, (x, i) => ((x - at(i)[1]) / (x * (1 - x))) * (g[i] as number));
    expectClose(slope(p, t, g), slopes, 2e-6);
  });

  test('the ends, and NaN', () => {
    const all = (x: number): Float32Array => new Float32Array(n).fill(x);
    expect(value(all(0), all(1))).toEqual(all(100));
    expect(value(all(1), all(0))).toEqual(all(100));
    expect(value(all(1), all(1)).every((x) => x === 0)).toBe(true);
    expectClose(slope(all(0), all(1), all(1)), all(-1e12), 1e-7);
    expect(value(all(Number.NaN), all(0.5)).every(Number.isNaN)).toBe(true);
    expect(slope(all(Number.NaN), all(0.5), all(1)).every(Number.isNaN)).toBe(true);
  });
});
