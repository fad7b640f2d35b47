import { describe, expect, test } from 'vitest';

import { bitsOf, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { createHarness, f32 } from './kernel-harness.ts';

const h = createHarness();

/** The first element that breaks the rule, and its value; undefined where all hold. */
function broken(x: Float32Array, rule: number, low = -1, high = 1): [number, number] | undefined {
  const context = h.i32(Array<number>(64).fill(0));
  h.call('checkValues', h.alloc(x.length), h.f32(x), x.length, f32(low), f32(high), rule, context, 5);
  const floatWords = h.read(context, 16).slice();
  const words = new Int32Array(floatWords.buffer);
  if (words[8] === 0) return undefined;
  expect([words[8], words[9]]).toEqual([2, 5]);
  return [words[10] as number, floatWords[11] as number];
}

describe.each(sizes)('%i elements', (n) => {
  const good = floats(n, 1, 1);

  test('values come out as they are', () => {
    const copy = run('checkValues', n, (k, out) => [out, k.f32(good), n, f32(-1), f32(1), 0, k.alloc(64), 5]);
    expect(bitsOf(copy)).toEqual(bitsOf(good));
    expect(broken(good, 0)).toBeUndefined();
  });

  test('the first that breaks the rule is noted, wherever it is', () => {
    for (const at of [0, n >> 1, n - 1]) {
      for (const bad of [1.5, -2, Number.NaN, Number.POSITIVE_INFINITY]) {
        const x = good.slice().fill(7, at + 1);
        x[at] = bad;
        expect(broken(x, 0)).toEqual([at, bad]);
      }
    }
  });

  test('whole numbers, ends, and NaN where it may be', () => {
    const x = good.map(Math.round);
    expect(broken(x, 1)).toBeUndefined();
    expect(broken(x.with(n - 1, 0.5), 1)).toEqual([n - 1, 0.5]);
    const signs = good.map((v) => (v < 0 ? -1 : 1));
    expect(broken(signs, 2)).toBeUndefined();
    expect(broken(signs.with(0, 0), 2)).toEqual([0, 0]);
    expect(broken(good.with(0, Number.NaN), 4)).toBeUndefined();
    expect(broken(good.with(0, 2), 4)).toEqual([0, 2]);
  });
});
