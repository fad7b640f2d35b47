import { scaleByPower, splitExponent } from './bits.ts';

// Math.exp, log and tanh may differ between versions of V8 and platforms; these use + - * / only and give the same bits everywhere.

/** ln 2 in two parts; the first has trailing zeros, so that n * ln2High is exact. */
export const ln2High = 0.6931471803691238;
export const ln2Low = 1.9082149292705877e-10;

/** 1 / k! for k = 0 .. 20 */
const inverseFactorial: number[] = [1];
for (let k = 1, factorial = 1; k <= 20; k++) {
  factorial *= k;
  inverseFactorial.push(1 / factorial);
}

/** The Taylor series of e^r from r^first to r^last, divided by r^first. */
function exponentialSeries(r: number, first: number, last: number): number {
  let sum = 0;
  for (let k = last; k >= first; k--) sum = sum * r + (inverseFactorial[k] as number);
  return sum;
}

/** e^x within one unit in the last place. */
export const exp = (x: number): number => expOfSum(x, 0);

/** e^(x + low) for |low| far below |x|: x = n ln 2 + r with |r| <= ln 2 / 2, then the series of e^r to r^13. */
export function expOfSum(x: number, low: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.79) return Number.POSITIVE_INFINITY;
  if (x < -745.14) return 0;
  const n = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - n * ln2High - (n * ln2Low - low);
  return scaleByPower(1 + r * exponentialSeries(r, 1, 13), n);
}

/** Natural logarithm within two units in the last place: x = m 2^n, ln m = 2 artanh((m - 1) / (m + 1)) by its series. */
export function log(x: number): number {
  if (x < 0 || Number.isNaN(x)) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  const [m, n] = splitExponent(x);
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let series = 0;
  for (let k = 25; k >= 3; k -= 2) series = (series + 1 / k) * s2;
  return n * ln2High + (2 * s + (2 * s * series + n * ln2Low));
}

/** Hyperbolic tangent, from e^2x - 1 by its series up to 1/2, where e^2x itself would cancel. */
export function tanh(x: number): number {
  if (x === 0) return x;
  const a = Math.abs(x);
  if (a > 22) return x > 0 ? 1 : -1;
  let y = 0;
  if (a < 0.5) {
    const t = 2 * a * exponentialSeries(2 * a, 1, 20);
    y = t / (t + 2);
  } else {
    y = 1 - 2 / (exp(2 * a) + 1);
  }
  return x < 0 ? -y : y;
}
