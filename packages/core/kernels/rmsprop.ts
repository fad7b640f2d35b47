import { loadSome, storeSome } from './lanes';
import { meanGradient, moved } from './means';
import { leftWord } from './undo';

/**
 * torch.optim.RMSprop; options: alpha, 1 - alpha, eps, weightDecay, momentum. Vectors: mean square; momentum's buffer and the mean
 * gradient where given. A variance below 0, which only rounding can give, counts as 0 (PyTorch makes it NaN).
 */
export function rmsprop(a: usize): void {
  const buffered = load<usize>(a, 20) != 0;
  const centred = load<usize>(a, 24) != 0;
  if (buffered) {
    if (centred) propagate(a, true, true);
    else propagate(a, true, false);
  } else if (centred) propagate(a, false, true);
  else propagate(a, false, false);
}

// @ts-ignore: decorator
@inline
function propagate(a: usize, buffered: bool, centred: bool): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  const hyper = load<usize>(a, 12);
  let squares = load<usize>(a, 16);
  let buffer = load<usize>(a, 20);
  let mean = load<usize>(a, 24);
  const lr = v128.load32_splat(hyper);
  const scale = v128.load32_splat(hyper, 4);
  const limit = v128.load32_splat(hyper, 20);
  const below = f32x4.neg(limit);
  const alpha = v128.load32_splat(hyper, 24);
  const fresh = v128.load32_splat(hyper, 28);
  const eps = v128.load32_splat(hyper, 32);
  const decay = v128.load32_splat(hyper, 36);
  const momentum = v128.load32_splat(hyper, 40);
  const zero = f32x4.splat(0);
  const word = leftWord();
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const d0 = f32x4.add(meanGradient(v128.load(g), scale, limit, below), f32x4.mul(decay, w0));
    const d1 = f32x4.add(meanGradient(v128.load(g, 16), scale, limit, below), f32x4.mul(decay, w1));
    const s0 = moved(v128.load(squares), f32x4.mul(d0, d0), alpha, fresh);
    const s1 = moved(v128.load(squares, 16), f32x4.mul(d1, d1), alpha, fresh);
    const m0 = centred ? moved(v128.load(mean), d0, alpha, fresh) : zero;
    const m1 = centred ? moved(v128.load(mean, 16), d1, alpha, fresh) : zero;
    const o0 = buffered ? v128.load(buffer) : zero;
    const o1 = buffered ? v128.load(buffer, 16) : zero;
    const v0 = centred ? f32x4.pmax(f32x4.sub(s0, f32x4.mul(m0, m0)), zero) : s0;
    const v1 = centred ? f32x4.pmax(f32x4.sub(s1, f32x4.mul(m1, m1)), zero) : s1;
    const q0 = f32x4.div(d0, f32x4.add(f32x4.sqrt(v0), eps));
    const q1 = f32x4.div(d1, f32x4.add(f32x4.sqrt(v1), eps));
    const b0 = buffered ? f32x4.add(f32x4.mul(momentum, o0), q0) : q0;
    const b1 = buffered ? f32x4.add(f32x4.mul(momentum, o1), q1) : q1;
    const y0 = f32x4.sub(w0, f32x4.mul(lr, b0));
    const y1 = f32x4.sub(w1, f32x4.mul(lr, b1));
    v128.store(squares, s0);
    v128.store(squares, s1, 16);
    if (centred) v128.store(mean, m0);
    if (centred) v128.store(mean, m1, 16);
    if (buffered) v128.store(buffer, b0);
    if (buffered) v128.store(buffer, b1, 16);
    v128.store(p, y0);
    v128.store(p, y1, 16);
    p += 32;
    g += 32;
    squares += 32;
    buffer += 32;
    mean += 32;
    store<i32>(word, n - 8);
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    const d = f32x4.add(meanGradient(loadSome(g, left), scale, limit, below), f32x4.mul(decay, w));
    const s = moved(loadSome(squares, left), f32x4.mul(d, d), alpha, fresh);
    storeSome(squares, s, left);
    let variance = s;
    if (centred) {
      const m = moved(loadSome(mean, left), d, alpha, fresh);
      storeSome(mean, m, left);
      variance = f32x4.pmax(f32x4.sub(s, f32x4.mul(m, m)), zero);
    }
    let b = f32x4.div(d, f32x4.add(f32x4.sqrt(variance), eps));
    if (buffered) {
      b = f32x4.add(f32x4.mul(momentum, loadSome(buffer, left)), b);
      storeSome(buffer, b, left);
    }
    storeSome(p, f32x4.sub(w, f32x4.mul(lr, b)), left);
    p += 16;
    g += 16;
    squares += 16;
    buffer += 16;
    mean += 16;
    store<i32>(word, n - left);
  }
}
