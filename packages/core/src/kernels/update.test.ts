import { describe, expect, test } from 'vitest';

import { bitsOf, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { createHarness } from './kernel-harness.ts';

describe.each(sizes)('%i elements', (n) => {
  const [p, g] = [floats(n, 1), floats(n, 2)];

  test('addInto', () => {
    const wanted = p.map((x, i) => x + g[i]!);
    expect(run('addInto', n, (h, out) => [out, h.f32(p), h.f32(g), n])).toEqual(wanted);
    expect(
      run('addInto', p, (h, out) => [out, out, h.f32(g), n]),
      'over its left operand',
    ).toEqual(wanted);
  });
});

describe('blockSumSquares', () => {
  const h = createHarness();
  const of = (x: Float32Array): Float64Array => {
    const blocks = Math.ceil(x.length / 4096);
    const out = h.alloc(2 * blocks);
    h.call('blockSumSquares', out, h.f32(x), x.length);
    return h.readF64(out, blocks);
  };

  test.each([...sizes, 4095, 4096, 4097, 12_300])('%i elements: eight f64 lanes in each block', (n) => {
    const x = floats(n, 5);
    const wanted = Array.from({ length: Math.ceil(n / 4096) }, (_, block) => {
      const lanes = new Float64Array(8);
      x.slice(block * 4096, (block + 1) * 4096).forEach((value, j) => {
        lanes[j % 8]! += value * value;
      });
      const [a, b, c, d] = [0, 2, 1, 3].map((lane) => lanes[lane]! + lanes[lane + 4]!) as [
        number,
        number,
        number,
        number,
      ];
      return a + b + (c + d);
    });
    expect(Array.from(of(x))).toEqual(wanted);
  });

  test('finite exactly when every element is', () => {
    const x = floats(5000, 6).fill(3e38, 17, 40);
    expect(Array.from(of(x)).every(Number.isFinite)).toBe(true);
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      for (const at of [0, 4095, 4999]) {
        const spoilt = x.slice();
        spoilt[at] = bad;
        expect(Number.isFinite(of(spoilt)[at >> 12])).toBe(false);
        expect(Number.isFinite(of(spoilt)[at >> 12 ? 0 : 1])).toBe(true);
      }
    }
  });
});

test('the test of bits tells -0 from 0, and no NaN from another', () => {
  expect(bitsOf(Float32Array.of(-0))).not.toEqual(bitsOf(Float32Array.of(0)));
  expect(bitsOf(new Float32Array(Uint32Array.of(0xffc00001).buffer))).toEqual(bitsOf(Float32Array.of(Number.NaN)));
});
