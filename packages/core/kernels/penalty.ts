import { loadSome, storeSome } from './lanes';

/**
 * The penalty l1 * sum |w| + l2 / 2 * sum w^2 of a range of weights: its value, in double precision, to `out`; its gradient times the total
 * weight of the loss is added to `gradient`, which is a sum and not yet a mean. The derivative of |w| at 0 is 0.
 */
export function penalise(a: usize): void {
  const out = load<usize>(a);
  let g = load<usize>(a, 4);
  let w = load<usize>(a, 8);
  let n = load<i32>(a, 12);
  const l1 = load<f32>(a, 16);
  const l2 = load<f32>(a, 20);
  const total = v128.load32_splat(load<usize>(a, 24));
  const slope = f32x4.splat(l1);
  const decay = f32x4.splat(l2);
  const one = f32x4.splat(1);
  const minus = f32x4.splat(-1);
  const zero = f32x4.splat(0);
  let absolute = f64x2.splat(0);
  let squares = f64x2.splat(0);
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const x = loadSome(w, left);
    const sign = v128.bitselect(one, v128.bitselect(minus, zero, f32x4.lt(x, zero)), f32x4.gt(x, zero));
    const d = f32x4.add(f32x4.mul(slope, sign), f32x4.mul(decay, x));
    storeSome(g, f32x4.add(loadSome(g, left), f32x4.mul(total, d)), left);
    const low = f64x2.promote_low_f32x4(x);
    const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
    absolute = f64x2.add(absolute, f64x2.add(f64x2.abs(low), f64x2.abs(high)));
    squares = f64x2.add(squares, f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high)));
    g += 16;
    w += 16;
  }
  const sumAbsolute = f64x2.extract_lane(absolute, 0) + f64x2.extract_lane(absolute, 1);
  const sumSquares = f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
  store<f64>(out, <f64>l1 * sumAbsolute + <f64>l2 * 0.5 * sumSquares);
}
