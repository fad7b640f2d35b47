import { scaleByPower, splitExponent } from './bits.ts';

// Math.exp, log and pow may differ between versions of V8 and platforms; these use + - * / only and give the same bits everywhere.

/** ln 2 in two parts; the first has trailing zeros, so that n * ln2High is exact. */
const ln2High = 6.93147180369123816490e-1;
const ln2Low = 1.90821492927058770002e-10;
const log2E = 1.4426950408889634;

/** e^x: x = n ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of e^r to r^13. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.79) return Number.POSITIVE_INFINITY;
  if (x < -745.14) return 0;
  const n = Math.floor(x * log2E + 0.5);
  const r = x - n * ln2High - n * ln2Low;
  let sum = 1 / 6227020800;
  for (let k = 12; k >= 0; k--) sum = sum * r + (inverseFactorial[k] as number);
  return scaleByPower(sum, n);
}

const inverseFactorial: number[] = [1];
for (let k = 1, factorial = 1; k <= 12; k++) {
  factorial *= k;
  inverseFactorial.push(1 / factorial);
}

/** Natural logarithm: x = m 2^n, ln m = 2 artanh((m - 1) / (m + 1)) by its series. */
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

/** x^y. A whole y up to 1024 by repeated multiplication, others by exp(y ln x). */
export function pow(x: number, y: number): number {
  if (Number.isInteger(y) && Math.abs(y) <= 1024) {
    let result = 1;
    let base = x;
    for (let n = Math.abs(y); n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) result *= base;
      base *= base;
    }
    return y < 0 ? 1 / result : result;
  }
  return x === 0 ? (y > 0 ? 0 : Number.POSITIVE_INFINITY) : exp(y * log(x));
}

/** (e^2x - 1) / (e^2x + 1), by its series near 0. */
export function tanh(x: number): number {
  const a = Math.abs(x);
  if (a > 22) return x > 0 ? 1 : -1;
  if (a < 0.02) {
    const x2 = x * x;
    return x * (1 - x2 * (1 / 3 - x2 * (2 / 15 - x2 * (17 / 315))));
  }
  const e = exp(2 * a);
  const y = (e - 1) / (e + 1);
  return x < 0 ? -y : y;
}

/** Error function: the Taylor series below 3, the continued fraction of erfc above. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return x > 0 ? 1 : -1;
  let y: number;
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let k = 1; k < 80; k++) {
      term *= (-a * a) / k;
      sum += term / (2 * k + 1);
    }
    y = 1.1283791670955126 * sum;
  } else {
    let fraction = 0;
    for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction);
    y = 1 - exp(-a * a) / 1.7724538509055159 / (a + fraction);
  }
  return x < 0 ? -y : y;
}
