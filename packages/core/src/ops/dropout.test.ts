import { expect, test } from 'vitest';
import { evaluateBatch } from '../program/evaluate-batch.ts';
import { sampleValues } from '../testing/check-gradient.ts';
import { dropout, grad } from './index.ts';

// Traced as a training step, where dropout acts; the same step draws the same mask.

test.each([
  [1, 1],
  [3, 7],
  [5, 13],
])('the derivative over %i samples of %i elements', (samples, elements) => {
  const shape = [samples, elements];
  const weights = { data: sampleValues(samples * elements, 1), shape };
  const evaluate = (data: Float32Array) =>
    evaluateBatch(
      ({ x, w }) => {
        const y = dropout(x, 0.4).square().mul(w);
        const [gradient] = grad(y.sum(), [x]);
        return { y, gradient: gradient as typeof x };
      },
      { x: { data, shape }, w: weights },
      { seed: 3 },
    );
  const values = sampleValues(samples * elements, 0);
  const { gradient } = evaluate(values);
  const step = 4e-3;
  const [above, below] = [step, -step].map((by) => evaluate(values.map((x) => x + by)).y);
  values.forEach((x, i) => {
    const span = Math.fround(x + step) - Math.fround(x - step);
    const difference = ((above?.[i] as number) - (below?.[i] as number)) / span;
    expect(Math.abs((gradient[i] as number) - difference)).toBeLessThan(4e-3 * Math.max(1, Math.abs(difference)));
  });
  if (samples === 1) return;
  const dropped = gradient.filter((g) => g === 0).length;
  expect(dropped, 'some are dropped, and not all').toBeGreaterThan(0);
  expect(dropped).toBeLessThan(values.length);
});
