import { loadSome, storeSome } from './lanes';
import { meanGradient, moved } from './means';
import { leftWord } from './undo';

/** torch.optim.Adadelta; options: rho, 1 - rho, eps, weightDecay. Vectors: mean square of gradients, of changes. */
export function adadelta(a: usize): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  const hyper = load<usize>(a, 12);
  let squares = load<usize>(a, 16);
  let changes = load<usize>(a, 20);
  const lr = v128.load32_splat(hyper);
  const scale = v128.load32_splat(hyper, 4);
  const limit = v128.load32_splat(hyper, 20);
  const below = f32x4.neg(limit);
  const rho = v128.load32_splat(hyper, 24);
  const fresh = v128.load32_splat(hyper, 28);
  const eps = v128.load32_splat(hyper, 32);
  const decay = v128.load32_splat(hyper, 36);
  const word = leftWord();
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const d0 = f32x4.add(meanGradient(v128.load(g), scale, limit, below), f32x4.mul(decay, w0));
    const d1 = f32x4.add(meanGradient(v128.load(g, 16), scale, limit, below), f32x4.mul(decay, w1));
    const c0 = v128.load(changes);
    const c1 = v128.load(changes, 16);
    const s0 = moved(v128.load(squares), f32x4.mul(d0, d0), rho, fresh);
    const s1 = moved(v128.load(squares, 16), f32x4.mul(d1, d1), rho, fresh);
    const x0 = change(d0, s0, c0, eps);
    const x1 = change(d1, s1, c1, eps);
    const e0 = moved(c0, f32x4.mul(x0, x0), rho, fresh);
    const e1 = moved(c1, f32x4.mul(x1, x1), rho, fresh);
    const y0 = f32x4.sub(w0, f32x4.mul(lr, x0));
    const y1 = f32x4.sub(w1, f32x4.mul(lr, x1));
    v128.store(squares, s0);
    v128.store(squares, s1, 16);
    v128.store(changes, e0);
    v128.store(changes, e1, 16);
    v128.store(p, y0);
    v128.store(p, y1, 16);
    p += 32;
    g += 32;
    squares += 32;
    changes += 32;
    store<i32>(word, n - 8);
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    const d = f32x4.add(meanGradient(loadSome(g, left), scale, limit, below), f32x4.mul(decay, w));
    const c = loadSome(changes, left);
    const s = moved(loadSome(squares, left), f32x4.mul(d, d), rho, fresh);
    const x = change(d, s, c, eps);
    storeSome(squares, s, left);
    storeSome(changes, moved(c, f32x4.mul(x, x), rho, fresh), left);
    storeSome(p, f32x4.sub(w, f32x4.mul(lr, x)), left);
    p += 16;
    g += 16;
    squares += 16;
    changes += 16;
    store<i32>(word, n - left);
  }
}

// @ts-ignore: decorator
@inline
function change(d: v128, squares: v128, changes: v128, eps: v128): v128 {
  return f32x4.mul(f32x4.div(f32x4.sqrt(f32x4.add(changes, eps)), f32x4.sqrt(f32x4.add(squares, eps))), d);
}
