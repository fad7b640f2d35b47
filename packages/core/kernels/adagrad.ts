import { loadSome, storeSome } from './lanes';
import { meanGradient } from './means';
import { leftWord } from './undo';

/** torch.optim.Adagrad; options: lrDecay, weightDecay, initialAccumulatorValue, eps. */
export function adagrad(a: usize): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  const hyper = load<usize>(a, 12);
  let sum = load<usize>(a, 16);
  const scale = v128.load32_splat(hyper, 4);
  const updates = load<f32>(hyper, 8);
  const limit = v128.load32_splat(hyper, 20);
  const below = f32x4.neg(limit);
  const step = f32x4.splat(load<f32>(hyper) / (1 + (updates - 1) * load<f32>(hyper, 24)));
  const decay = v128.load32_splat(hyper, 28);
  const initial = v128.load32_splat(hyper, 32);
  const first = f32x4.eq(f32x4.splat(updates), f32x4.splat(1));
  const eps = v128.load32_splat(hyper, 36);
  const word = leftWord();
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const d0 = f32x4.add(meanGradient(v128.load(g), scale, limit, below), f32x4.mul(decay, w0));
    const d1 = f32x4.add(meanGradient(v128.load(g, 16), scale, limit, below), f32x4.mul(decay, w1));
    const s0 = f32x4.add(v128.bitselect(initial, v128.load(sum), first), f32x4.mul(d0, d0));
    const s1 = f32x4.add(v128.bitselect(initial, v128.load(sum, 16), first), f32x4.mul(d1, d1));
    const y0 = f32x4.sub(w0, f32x4.mul(step, f32x4.div(d0, f32x4.add(f32x4.sqrt(s0), eps))));
    const y1 = f32x4.sub(w1, f32x4.mul(step, f32x4.div(d1, f32x4.add(f32x4.sqrt(s1), eps))));
    v128.store(sum, s0);
    v128.store(sum, s1, 16);
    v128.store(p, y0);
    v128.store(p, y1, 16);
    p += 32;
    g += 32;
    sum += 32;
    store<i32>(word, n - 8);
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    const d = f32x4.add(meanGradient(loadSome(g, left), scale, limit, below), f32x4.mul(decay, w));
    const s = f32x4.add(v128.bitselect(initial, loadSome(sum, left), first), f32x4.mul(d, d));
    storeSome(sum, s, left);
    storeSome(p, f32x4.sub(w, f32x4.mul(step, f32x4.div(d, f32x4.add(f32x4.sqrt(s), eps)))), left);
    p += 16;
    g += 16;
    sum += 16;
    store<i32>(word, n - left);
  }
}
