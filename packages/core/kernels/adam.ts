import { loadSome, storeSome } from './lanes';
import { meanGradient } from './means';
import { leftWord } from './undo';

/** torch.optim.Adam and AdamW; options: beta1, beta2, eps, weightDecay, decoupled. The third vector, where given, is AMSGrad's. */
export function adamw(a: usize): void {
  if (load<usize>(a, 24)) adapt(a, true);
  else adapt(a, false);
}

// @ts-ignore: decorator
@inline
function adapt(a: usize, largest: bool): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  const hyper = load<usize>(a, 12);
  let m = load<usize>(a, 16);
  let v = load<usize>(a, 20);
  let top = load<usize>(a, 24);
  const lr = load<f32>(hyper);
  const scale = v128.load32_splat(hyper, 4);
  const step = f32x4.splat(lr / load<f32>(hyper, 12));
  const root2 = v128.load32_splat(hyper, 16);
  const limit = v128.load32_splat(hyper, 20);
  const below = f32x4.neg(limit);
  const fresh1 = f32x4.splat(1 - load<f32>(hyper, 24));
  const beta2 = v128.load32_splat(hyper, 28);
  const fresh2 = f32x4.splat(1 - load<f32>(hyper, 28));
  const eps = v128.load32_splat(hyper, 32);
  const decoupled = load<f32>(hyper, 40) != 0;
  const shrink = f32x4.splat(decoupled ? 1 - lr * load<f32>(hyper, 36) : 1);
  const coupled = f32x4.splat(decoupled ? 0 : load<f32>(hyper, 36));
  const word = leftWord();
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const d0 = f32x4.add(meanGradient(v128.load(g), scale, limit, below), f32x4.mul(coupled, w0));
    const d1 = f32x4.add(meanGradient(v128.load(g, 16), scale, limit, below), f32x4.mul(coupled, w1));
    const m0 = v128.load(m);
    const m1 = v128.load(m, 16);
    const v0 = v128.load(v);
    const v1 = v128.load(v, 16);
    const t0 = largest ? v128.load(top) : v0;
    const t1 = largest ? v128.load(top, 16) : v1;
    const a0 = f32x4.add(m0, f32x4.mul(fresh1, f32x4.sub(d0, m0)));
    const a1 = f32x4.add(m1, f32x4.mul(fresh1, f32x4.sub(d1, m1)));
    const b0 = f32x4.add(f32x4.mul(beta2, v0), f32x4.mul(fresh2, f32x4.mul(d0, d0)));
    const b1 = f32x4.add(f32x4.mul(beta2, v1), f32x4.mul(fresh2, f32x4.mul(d1, d1)));
    const c0 = largest ? f32x4.pmax(t0, b0) : b0;
    const c1 = largest ? f32x4.pmax(t1, b1) : b1;
    const q0 = f32x4.add(f32x4.div(f32x4.sqrt(c0), root2), eps);
    const q1 = f32x4.add(f32x4.div(f32x4.sqrt(c1), root2), eps);
    const y0 = f32x4.sub(f32x4.mul(w0, shrink), f32x4.mul(step, f32x4.div(a0, q0)));
    const y1 = f32x4.sub(f32x4.mul(w1, shrink), f32x4.mul(step, f32x4.div(a1, q1)));
    v128.store(m, a0);
    v128.store(m, a1, 16);
    v128.store(v, b0);
    v128.store(v, b1, 16);
    if (largest) v128.store(top, c0);
    if (largest) v128.store(top, c1, 16);
    v128.store(p, y0);
    v128.store(p, y1, 16);
    p += 32;
    g += 32;
    m += 32;
    v += 32;
    top += 32;
    store<i32>(word, n - 8);
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    const d = f32x4.add(meanGradient(loadSome(g, left), scale, limit, below), f32x4.mul(coupled, w));
    const m0 = loadSome(m, left);
    const a0 = f32x4.add(m0, f32x4.mul(fresh1, f32x4.sub(d, m0)));
    const b0 = f32x4.add(f32x4.mul(beta2, loadSome(v, left)), f32x4.mul(fresh2, f32x4.mul(d, d)));
    const c0 = largest ? f32x4.pmax(loadSome(top, left), b0) : b0;
    const q = f32x4.add(f32x4.div(f32x4.sqrt(c0), root2), eps);
    storeSome(m, a0, left);
    storeSome(v, b0, left);
    if (largest) storeSome(top, c0, left);
    storeSome(p, f32x4.sub(f32x4.mul(w, shrink), f32x4.mul(step, f32x4.div(a0, q))), left);
    p += 16;
    g += 16;
    m += 16;
    v += 16;
    top += 16;
    store<i32>(word, n - left);
  }
}
