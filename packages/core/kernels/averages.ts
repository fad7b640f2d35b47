import { loadSome, storeSome } from './lanes';
import { leftWord } from './undo';

/**
 * out = keep * out + fresh * (x / weight): running statistics of BatchNorm, and the moving average of weights (weight 1).
 * Does nothing where the weight is 0.
 */
export function movingAverage(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  const keep = v128.load32_splat(a + 12);
  const fresh = v128.load32_splat(a + 16);
  const weight = v128.load32_splat(load<usize>(a, 20));
  if (f32x4.extract_lane(weight, 0) == 0) return;
  const word = leftWord();
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const y0 = v128.load(out);
    const y1 = v128.load(out, 16);
    const z0 = f32x4.add(f32x4.mul(keep, y0), f32x4.mul(fresh, f32x4.div(x0, weight)));
    const z1 = f32x4.add(f32x4.mul(keep, y1), f32x4.mul(fresh, f32x4.div(x1, weight)));
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    x += 32;
    store<i32>(word, n - 8);
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const y = f32x4.mul(keep, loadSome(out, left));
    storeSome(out, f32x4.add(y, f32x4.mul(fresh, f32x4.div(loadSome(x, left), weight))), left);
    out += 16;
    x += 16;
    store<i32>(word, n - left);
  }
}
