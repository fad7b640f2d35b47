import { valueError } from './context';
import { keep, loadSome, storeSome } from './lanes';

/** Bits of a rule: only whole numbers, only the two ends of the range, NaN passes. */
const whole = 1;
const ends = 2;
const nanPasses = 4;

/** out = x, and a note of the first element that breaks the rule. */
export function checkValues(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const n = load<i32>(a, 8);
  const low = v128.load32_splat(a, 12);
  const high = v128.load32_splat(a, 16);
  const rule = load<i32>(a, 20);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const left = min(n - i, 4);
    const v = loadSome(x + at, left);
    let good = v128.and(f32x4.ge(v, low), f32x4.le(v, high));
    if (rule & whole) good = v128.and(good, f32x4.eq(f32x4.trunc(v), v));
    if (rule & ends) good = v128.and(good, v128.or(f32x4.eq(v, low), f32x4.eq(v, high)));
    if (rule & nanPasses) good = v128.or(good, f32x4.ne(v, v));
    const bad = i32x4.bitmask(keep(v128.not(good), left));
    if (bad) valueError(load<usize>(a, 24), load<i32>(a, 28), i + ctz(bad), load<f32>(x + at + (<usize>ctz(bad) << 2)));
    storeSome(out + at, v, left);
  }
}
