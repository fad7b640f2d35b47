import { loadSome, storeSome } from './lanes';
import { meanGradient } from './means';
import { leftWord } from './undo';

/** torch.optim.SGD; options: momentum, dampening, weightDecay, nesterov. */
export function sgd(a: usize): void {
  if (load<usize>(a, 16)) descend(a, true);
  else descend(a, false);
}

// What is asked for is chosen by masks, not branches: those would keep V8 from widening.
// @ts-ignore: decorator
@inline
function descend(a: usize, buffered: bool): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  const hyper = load<usize>(a, 12);
  let buffer = load<usize>(a, 16);
  const lr = v128.load32_splat(hyper);
  const scale = v128.load32_splat(hyper, 4);
  const first = f32x4.eq(v128.load32_splat(hyper, 8), f32x4.splat(1));
  const limit = v128.load32_splat(hyper, 20);
  const below = f32x4.neg(limit);
  const momentum = v128.load32_splat(hyper, 24);
  const fresh = f32x4.splat(1 - load<f32>(hyper, 28));
  const decay = v128.load32_splat(hyper, 32);
  const zero = f32x4.splat(0);
  const decays = f32x4.ne(decay, zero);
  const nesterov = f32x4.ne(v128.load32_splat(hyper, 36), zero);
  const word = leftWord();
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const b0 = buffered ? v128.load(buffer) : zero;
    const b1 = buffered ? v128.load(buffer, 16) : zero;
    const d0 = decayed(meanGradient(g0, scale, limit, below), w0, decay, decays);
    const d1 = decayed(meanGradient(g1, scale, limit, below), w1, decay, decays);
    const m0 = momentary(d0, b0, momentum, fresh, first);
    const m1 = momentary(d1, b1, momentum, fresh, first);
    const s0 = buffered ? v128.bitselect(f32x4.add(d0, f32x4.mul(momentum, m0)), m0, nesterov) : d0;
    const s1 = buffered ? v128.bitselect(f32x4.add(d1, f32x4.mul(momentum, m1)), m1, nesterov) : d1;
    const y0 = f32x4.sub(w0, f32x4.mul(lr, s0));
    const y1 = f32x4.sub(w1, f32x4.mul(lr, s1));
    if (buffered) v128.store(buffer, m0);
    if (buffered) v128.store(buffer, m1, 16);
    v128.store(p, y0);
    v128.store(p, y1, 16);
    p += 32;
    g += 32;
    buffer += 32;
    store<i32>(word, n - 8);
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    let d = decayed(meanGradient(loadSome(g, left), scale, limit, below), w, decay, decays);
    if (buffered) {
      const m = momentary(d, loadSome(buffer, left), momentum, fresh, first);
      storeSome(buffer, m, left);
      d = v128.bitselect(f32x4.add(d, f32x4.mul(momentum, m)), m, nesterov);
    }
    storeSome(p, f32x4.sub(w, f32x4.mul(lr, d)), left);
    p += 16;
    g += 16;
    buffer += 16;
    store<i32>(word, n - left);
  }
}

// @ts-ignore: decorator
@inline
function decayed(d: v128, w: v128, decay: v128, decays: v128): v128 {
  return v128.bitselect(f32x4.add(d, f32x4.mul(decay, w)), d, decays);
}

// @ts-ignore: decorator
@inline
function momentary(d: v128, b: v128, momentum: v128, fresh: v128, first: v128): v128 {
  return v128.bitselect(d, f32x4.add(f32x4.mul(momentum, b), f32x4.mul(fresh, d)), first);
}
