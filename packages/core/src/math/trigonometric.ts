// Cody-Waite: pi/2 in three parts of 33 bits each, so that n times the first two is exact for |n| < 2^20.
const halfPi1 = 1.5707963267341256;
const halfPi2 = 6.077100506303966e-11;
const halfPi3 = 2.0222662487959506e-21;
const twoOverPi = 0.6366197723675814;

/** sin r and cos r for |r| <= pi/4 by their Taylor series, to r^17. */
function sinSmall(r: number): number {
  const r2 = r * r;
  let sum = 0;
  for (let k = 17; k >= 3; k -= 2) sum = (1 - sum) * (r2 / (k * (k - 1)));
  return r * (1 - sum);
}

function cosSmall(r: number): number {
  const r2 = r * r;
  let sum = 0;
  for (let k = 18; k >= 2; k -= 2) sum = (1 - sum) * (r2 / (k * (k - 1)));
  return 1 - sum;
}

function quadrant(x: number): [r: number, n: number] {
  const n = Math.floor(x * twoOverPi + 0.5);
  return [x - n * halfPi1 - n * halfPi2 - n * halfPi3, ((n % 4) + 4) % 4];
}

/** Sine of x in radians, accurate for |x| up to 1e5; the same bits on every platform. */
export function sin(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  const [r, n] = quadrant(x);
  if (n === 0) return sinSmall(r);
  if (n === 1) return cosSmall(r);
  return n === 2 ? -sinSmall(r) : -cosSmall(r);
}

/** Cosine of x in radians, accurate for |x| up to 1e5; the same bits on every platform. */
export function cos(x: number): number {
  if (!Number.isFinite(x)) return Number.NaN;
  const [r, n] = quadrant(x);
  if (n === 0) return cosSmall(r);
  if (n === 1) return -sinSmall(r);
  return n === 2 ? -cosSmall(r) : sinSmall(r);
}
