import { expect, test } from 'vitest';
import { pow } from './power.ts';

const edges = [0, 1, 2, 3, 0.5, Number.POSITIVE_INFINITY, 1025, 1074, 1e300, 1e-300, 5e-324, 2 ** 53, 1e-17].flatMap(
  (x) => [x, -x],
);

test('zeros, infinities, signs and NaN as in Math.pow', () => {
  for (const x of [...edges, Number.NaN]) {
    for (const y of [...edges, Number.NaN]) {
      const [ours, reference] = [pow(x, y), x ** y];
      // The reference may differ in the last place between versions of V8.
      const close = Math.abs(ours - reference) <= 5e-16 * Math.abs(reference);
      expect(Object.is(ours, reference) || close, `${x} ^ ${y} is ${ours} instead of ${reference}`).toBe(true);
    }
  }
});

test('whole numbers are exact', () => {
  expect(pow(3, 33)).toBe(5559060566555523);
  expect(pow(-7, 3)).toBe(-343);
  expect(pow(10, 15)).toBe(1e15);
  expect(pow(2, -1074)).toBe(5e-324);
});

// Correctly rounded values, computed with 60 decimal digits.
test.each([
  [0.9, 20.0, 0.12157665459056935],
  [0.999, 100000.0, 3.5385276883431275e-44],
  [1.0000001, 1000000000.0, 2.6881038582144647e43],
  [10.0, 0.5, 3.1622776601683795],
  [123.456, -100.25, 2.1178821342989856e-210],
  [0.5, 1000.5, 6.599170332783212e-302],
  [0.001, 99.9, 1.9952623149688055e-300],
])('%d ^ %d', (x, y, expected) => expect(Math.abs(pow(x, y) / expected - 1)).toBeLessThan(3e-16));
