import { loadSome, storeSome } from './lanes';

export function addInto(a: usize): void {
  let out = load<usize>(a);
  let p = load<usize>(a, 4);
  let q = load<usize>(a, 8);
  let n = load<i32>(a, 12);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    const y0 = v128.load(q);
    const y1 = v128.load(q, 16);
    const z0 = f32x4.add(x0, y0);
    const z1 = f32x4.add(x1, y1);
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    p += 32;
    q += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.add(loadSome(p, left), loadSome(q, left)), left);
    out += 16;
    p += 16;
    q += 16;
  }
}

/** Sum of squares in double precision per block of 4096: finite exactly when every element is. */
export function blockSumSquares(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  for (let n = load<i32>(a, 8); n > 0; n -= 4096) {
    const end = min(n, 4096);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (let j = 0; j < end; j += 8) {
      const p = x + (<usize>j << 2);
      const left = end - j;
      const v = loadSome(p, min(left, 4));
      const w = left > 4 ? loadSome(p + 16, min(left - 4, 4)) : f32x4.splat(0);
      const d0 = f64x2.promote_low_f32x4(v);
      const d1 = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
      const d2 = f64x2.promote_low_f32x4(w);
      const d3 = f64x2.promote_low_f32x4(v128.shuffle<f32>(w, w, 2, 3, 2, 3));
      s0 = f64x2.add(s0, f64x2.mul(d0, d0));
      s1 = f64x2.add(s1, f64x2.mul(d1, d1));
      s2 = f64x2.add(s2, f64x2.mul(d2, d2));
      s3 = f64x2.add(s3, f64x2.mul(d3, d3));
    }
    const first = f64x2.add(s0, s2);
    const second = f64x2.add(s1, s3);
    const even = f64x2.extract_lane(first, 0) + f64x2.extract_lane(second, 0);
    const odd = f64x2.extract_lane(first, 1) + f64x2.extract_lane(second, 1);
    store<f64>(out, even + odd);
    out += 8;
    x += 16384;
  }
}

/** torch.optim.SGD; hyper: lr, momentum, dampening, weightDecay, nesterov, first, gradScale. */
export function sgd(a: usize): void {
  if (load<usize>(a, 8)) descend(a, true);
  else descend(a, false);
}

// What is asked for is chosen by masks, not branches: those would keep V8 from widening.
// @ts-ignore: decorator
@inline
function descend(a: usize, buffered: bool): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let buffer = load<usize>(a, 8);
  let n = load<i32>(a, 12);
  const hyper = load<usize>(a, 16);
  const lr = v128.load32_splat(hyper);
  const momentum = v128.load32_splat(hyper, 4);
  const fresh = f32x4.splat(1 - load<f32>(hyper, 8));
  const decay = v128.load32_splat(hyper, 12);
  const zero = f32x4.splat(0);
  const decays = f32x4.ne(decay, zero);
  const nesterov = f32x4.ne(v128.load32_splat(hyper, 16), zero);
  const first = f32x4.ne(v128.load32_splat(hyper, 20), zero);
  const scale = v128.load32_splat(hyper, 24);
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const b0 = buffered ? v128.load(buffer) : zero;
    const b1 = buffered ? v128.load(buffer, 16) : zero;
    const d0 = decayed(f32x4.mul(g0, scale), w0, decay, decays);
    const d1 = decayed(f32x4.mul(g1, scale), w1, decay, decays);
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
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    let d = decayed(f32x4.mul(loadSome(g, left), scale), w, decay, decays);
    if (buffered) {
      const m = momentary(d, loadSome(buffer, left), momentum, fresh, first);
      storeSome(buffer, m, left);
      d = v128.bitselect(f32x4.add(d, f32x4.mul(momentum, m)), m, nesterov);
    }
    storeSome(p, f32x4.sub(w, f32x4.mul(lr, d)), left);
    p += 16;
    g += 16;
    buffer += 16;
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

/** torch.optim.Adam and AdamW; hyper: lr, beta1, beta2, eps, weightDecay, correction1, sqrt(correction2), gradScale, decoupled. */
export function adamw(a: usize): void {
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let m = load<usize>(a, 8);
  let v = load<usize>(a, 12);
  let n = load<i32>(a, 16);
  const hyper = load<usize>(a, 20);
  const lr = load<f32>(hyper);
  const fresh1 = f32x4.splat(1 - load<f32>(hyper, 4));
  const beta2 = v128.load32_splat(hyper + 8);
  const fresh2 = f32x4.splat(1 - load<f32>(hyper, 8));
  const eps = v128.load32_splat(hyper + 12);
  const step = f32x4.splat(lr / load<f32>(hyper, 20));
  const root2 = v128.load32_splat(hyper + 24);
  const scale = v128.load32_splat(hyper + 28);
  const decoupled = load<f32>(hyper, 32) != 0;
  const shrink = f32x4.splat(decoupled ? 1 - lr * load<f32>(hyper, 16) : 1);
  const coupled = f32x4.splat(decoupled ? 0 : load<f32>(hyper, 16));
  for (; n >= 8; n -= 8) {
    const w0 = v128.load(p);
    const w1 = v128.load(p, 16);
    const d0 = f32x4.add(f32x4.mul(v128.load(g), scale), f32x4.mul(coupled, w0));
    const d1 = f32x4.add(f32x4.mul(v128.load(g, 16), scale), f32x4.mul(coupled, w1));
    const m0 = v128.load(m);
    const m1 = v128.load(m, 16);
    const v0 = v128.load(v);
    const v1 = v128.load(v, 16);
    const a0 = f32x4.add(m0, f32x4.mul(fresh1, f32x4.sub(d0, m0)));
    const a1 = f32x4.add(m1, f32x4.mul(fresh1, f32x4.sub(d1, m1)));
    const b0 = f32x4.add(f32x4.mul(beta2, v0), f32x4.mul(fresh2, f32x4.mul(d0, d0)));
    const b1 = f32x4.add(f32x4.mul(beta2, v1), f32x4.mul(fresh2, f32x4.mul(d1, d1)));
    const q0 = f32x4.add(f32x4.div(f32x4.sqrt(b0), root2), eps);
    const q1 = f32x4.add(f32x4.div(f32x4.sqrt(b1), root2), eps);
    const y0 = f32x4.sub(f32x4.mul(w0, shrink), f32x4.mul(step, f32x4.div(a0, q0)));
    const y1 = f32x4.sub(f32x4.mul(w1, shrink), f32x4.mul(step, f32x4.div(a1, q1)));
    v128.store(m, a0);
    v128.store(m, a1, 16);
    v128.store(v, b0);
    v128.store(v, b1, 16);
    v128.store(p, y0);
    v128.store(p, y1, 16);
    p += 32;
    g += 32;
    m += 32;
    v += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = loadSome(p, left);
    const d = f32x4.add(f32x4.mul(loadSome(g, left), scale), f32x4.mul(coupled, w));
    const m0 = loadSome(m, left);
    const a0 = f32x4.add(m0, f32x4.mul(fresh1, f32x4.sub(d, m0)));
    const b0 = f32x4.add(f32x4.mul(beta2, loadSome(v, left)), f32x4.mul(fresh2, f32x4.mul(d, d)));
    const q = f32x4.add(f32x4.div(f32x4.sqrt(b0), root2), eps);
    storeSome(m, a0, left);
    storeSome(v, b0, left);
    storeSome(p, f32x4.sub(f32x4.mul(w, shrink), f32x4.mul(step, f32x4.div(a0, q))), left);
    p += 16;
    g += 16;
    m += 16;
    v += 16;
  }
}
