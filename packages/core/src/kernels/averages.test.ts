import { describe, expect, test } from 'vitest';
import { expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { createHarness, f32 } from './kernel-harness.ts';

describe.each(sizes)('%i elements', (n) => {
  const [average, x] = [floats(n, 1), floats(n, 2)];

  test('movingAverage', () => {
    const moved = run('movingAverage', average, (h, out) => [out, h.f32(x), n, f32(0.9), f32(0.1), h.f32([8])]);
    expectClose(
      moved,
      Array.from(average, (a, i) => 0.9 * a + 0.1 * (x[i]! / 8)),
      5e-7,
    );
    const still = run('movingAverage', average, (h, out) => [out, h.f32(x), n, f32(0.9), f32(0.1), h.f32([0])]);
    expect(still, 'weight 0').toEqual(average);
  });

  test('penalise', () => {
    const weights = floats(n, 3).map((w, i) => (i % 5 === 0 ? 0 : w));
    const gradient = run('penalise', x, (h, out) => {
      return [h.alloc(2), out, h.f32(weights), n, f32(0.25), f32(0.5), h.f32([4])];
    });
    expectClose(
      gradient,
      Array.from(x, (g, i) => g + 4 * (0.25 * Math.sign(weights[i]!) + 0.5 * weights[i]!)),
      1e-6,
    );
    const h = createHarness();
    const value = h.alloc(2);
    h.call('penalise', value, h.f32(x), h.f32(weights), n, f32(0.25), f32(0.5), h.f32([4]));
    const wanted = weights.reduce((sum, w) => sum + 0.25 * Math.abs(w) + 0.25 * w * w, 0);
    expect(h.readF64(value, 1)[0]).toBeCloseTo(wanted, 10);
  });
});

test('treeSumDoubles adds by the canonical tree', () => {
  const h = createHarness();
  const values = [1e16, 1, 1, -1e16, 1];
  const x = h.i32(new Int32Array(Float64Array.from(values).buffer));
  const out = h.alloc(2);
  h.call('treeSumDoubles', out, x, values.length);
  expect(h.readF64(out, 1)[0]).toBe(1e16 + 1 + (1 + -1e16) + 1);
});
