import { loadSome, storeSome } from './lanes';
import { meanGradient, moved } from './means';
import { leftWord } from './undo';

/** Lion (Chen et al. 2023, algorithm 2); options: beta1, 1 - beta1, beta2, 1 - beta2, weightDecay. */
export function lion(a: usize): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  const hyper = load<usize>(a, 12);
  let m = load<usize>(a, 16);
  const lr = v128.load32_splat(hyper);
  const scale = v128.load32_splat(hyper, 4);
  const limit = v128.load32_splat(hyper, 20);
  const below = f32x4.neg(limit);
  const beta1 = v128.load32_splat(hyper, 24);
  const fresh1 = v128.load32_splat(hyper, 28);
  const beta2 = v128.load32_splat(hyper, 32);
  const fresh2 = v128.load32_splat(hyper, 36);
  const shrink = f32x4.splat(1 - load<f32>(hyper) * load<f32>(hyper, 40));
  const word = leftWord();
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const d0 = meanGradient(v128.load(g), scale, limit, below);
    const d1 = meanGradient(v128.load(g, 16), scale, limit, below);
    const m0 = v128.load(m);
    const m1 = v128.load(m, 16);
    const y0 = f32x4.sub(f32x4.mul(w0, shrink), towards(moved(m0, d0, beta1, fresh1), lr));
    const y1 = f32x4.sub(f32x4.mul(w1, shrink), towards(moved(m1, d1, beta1, fresh1), lr));
    const a0 = moved(m0, d0, beta2, fresh2);
    const a1 = moved(m1, d1, beta2, fresh2);
    v128.store(m, a0);
    v128.store(m, a1, 16);
    v128.store(p, y0);
    v128.store(p, y1, 16);
    p += 32;
    g += 32;
    m += 32;
    store<i32>(word, n - 8);
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    const d = meanGradient(loadSome(g, left), scale, limit, below);
    const m0 = loadSome(m, left);
    storeSome(m, moved(m0, d, beta2, fresh2), left);
    storeSome(p, f32x4.sub(f32x4.mul(w, shrink), towards(moved(m0, d, beta1, fresh1), lr)), left);
    p += 16;
    g += 16;
    m += 16;
    store<i32>(word, n - left);
  }
}

/** lr * sign(x) */
// @ts-ignore: decorator
@inline
function towards(x: v128, lr: v128): v128 {
  const zero = f32x4.splat(0);
  return f32x4.sub(v128.and(lr, f32x4.gt(x, zero)), v128.and(lr, f32x4.lt(x, zero)));
}
