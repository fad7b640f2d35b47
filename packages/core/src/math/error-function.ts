import { exp } from './exponential.ts';

/**
 * Error function. Below 2: 2 / sqrt(pi) e^(-x^2) times the sum of (2 x^2)^k x / (1 * 3 * ... * (2k + 1)), whose terms are all
 * positive (Abramowitz and Stegun 7.1.6); above: the continued fraction of 1 - erf (7.1.14).
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const a = Math.abs(x);
  if (a > 6) return x > 0 ? 1 : -1;
  if (a < 2) {
    let term = x;
    let sum = x;
    // 50 terms suffice at 2; a sum that no longer moves is finished.
    for (let k = 1; k < 50 && sum + term !== sum; k++) {
      term *= (2 * x * x) / (2 * k + 1);
      sum += term;
    }
    return 1.1283791670955126 * exp(-x * x) * sum;
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / 2 / (a + fraction);
  const y = 1 - exp(-a * a) / 1.7724538509055159 / (a + fraction);
  return x < 0 ? -y : y;
}
