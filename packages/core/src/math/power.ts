import { splitExponent } from './bits.ts';
import { expOfSum, ln2High, ln2Low } from './exponential.ts';

/** An unevaluated sum: about 106 bits, which a logarithm needs before it is multiplied by up to 745 and exponentiated. */
type Pair = readonly [high: number, low: number];

/**
 * x^y within two units in the last place, with the edge cases of `Math.pow`. Whole numbers have exact powers where 53 bits hold
 * them.
 */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
  if (y === 1) return x;
  if (y === 2) return x * x;
  const size = Math.abs(x);
  const odd = Math.abs(y % 2) === 1;
  if (!Number.isFinite(y)) return size === 1 ? Number.NaN : size > 1 === y > 0 ? Number.POSITIVE_INFINITY : 0;
  const sign = x < 0 || Object.is(x, -0) ? (odd ? -1 : 1) : 1;
  if (size === 0 || size === Number.POSITIVE_INFINITY)
    return sign * (size > 1 === y > 0 ? Number.POSITIVE_INFINITY : 0);
  if (x < 0 && !Number.isInteger(y)) return Number.NaN;
  if (size === 1) return sign;
  return sign * (exactPower(size, y) ?? powerByLogarithm(size, y));
}

function exactPower(x: number, y: number): number | undefined {
  if (!Number.isInteger(x) || !Number.isInteger(y) || y < 0 || y > 53) return undefined;
  let product = 1;
  for (let i = 0; i < y; i++) product *= x;
  return Number.isSafeInteger(product) ? product : undefined;
}

function powerByLogarithm(x: number, y: number): number {
  const [high, low] = logarithm(x);
  const estimate = y * high;
  // Also keeps the parts below from overflowing.
  if (estimate > 710) return Number.POSITIVE_INFINITY;
  if (estimate < -746) return 0;
  const [product, rest] = multiply(y, high);
  return expOfSum(product, rest + y * low);
}

/** ln x as a pair: x = m 2^n, s = (m - 1) / (m + 1), ln m = 2s (1 + s^2 (1/3 + s^2 / 5 + ...)). */
function logarithm(x: number): Pair {
  const [m, n] = splitExponent(x);
  const [sum, sumRest] = add(m, 1);
  const s = (m - 1) / sum;
  const [back, backRest] = multiply(s, sum);
  const sRest = (m - 1 - back - backRest - s * sumRest) / sum;

  const [square, squareRest] = multiply(s, s);
  const s2Rest = squareRest + 2 * s * sRest;
  let series = 0;
  for (let k = 25; k >= 5; k -= 2) series = (series + 1 / k) * square;
  const [third, thirdRest] = add(1 / 3, series);
  // 1/3 itself is rounded: 1.85e-17 is what is missing.
  const [u, uRest] = multiply(square, third);
  const uLow = uRest + square * (thirdRest + 1.8503717077085944e-17) + s2Rest * third;
  const [su, suRest] = multiply(s, u);
  const [lnHalf, lnHalfRest] = add(s, su);
  const [high, rest] = add(n * ln2High, 2 * lnHalf);
  return add(high, rest + 2 * (lnHalfRest + suRest + s * uLow + sRest * (1 + u)) + n * ln2Low);
}

/** a + b exactly (Knuth). */
function add(a: number, b: number): Pair {
  const sum = a + b;
  const part = sum - a;
  return [sum, a - (sum - part) + (b - part)];
}

/** a * b exactly (Dekker), by halves of 26 bits. */
function multiply(a: number, b: number): Pair {
  const product = a * b;
  const aHigh = upperHalf(a);
  const bHigh = upperHalf(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return [product, aHigh * bHigh - product + aHigh * bLow + aLow * bHigh + aLow * bLow];
}

function upperHalf(a: number): number {
  const scaled = a * 134217729; // 2^27 + 1
  return scaled - (scaled - a);
}
