import { loadLanes, storeLanes } from './lanes';

// @ts-ignore: decorator
@inline
function some(p: usize, count: i32): v128 {
  return count == 4 ? v128.load(p) : loadLanes(p, count);
}

// @ts-ignore: decorator
@inline
function put(p: usize, v: v128, count: i32): void {
  if (count == 4) v128.store(p, v);
  else storeLanes(p, v, count);
}

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
    put(out, f32x4.add(some(p, left), some(q, left)), left);
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
    for (let j = 0; j < end; j += 4) {
      const v = some(x + (<usize>j << 2), min(end - j, 4));
      const low = f64x2.promote_low_f32x4(v);
      const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
      if (j & 4) {
        s2 = f64x2.add(s2, f64x2.mul(low, low));
        s3 = f64x2.add(s3, f64x2.mul(high, high));
      } else {
        s0 = f64x2.add(s0, f64x2.mul(low, low));
        s1 = f64x2.add(s1, f64x2.mul(high, high));
      }
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
  let p = load<usize>(a);
  let g = load<usize>(a, 4);
  let buffer = load<usize>(a, 8);
  let n = load<i32>(a, 12);
  const hyper = load<usize>(a, 16);
  const lr = v128.load32_splat(hyper);
  const momentum = v128.load32_splat(hyper + 4);
  const fresh = f32x4.splat(1 - load<f32>(hyper, 8));
  const decay = v128.load32_splat(hyper + 12);
  const nesterov = load<f32>(hyper, 16) != 0;
  const first = load<f32>(hyper, 20) != 0;
  const scale = v128.load32_splat(hyper + 24);
  const decays = load<f32>(hyper, 12) != 0;
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const w = some(p, left);
    let d = f32x4.mul(some(g, left), scale);
    if (decays) d = f32x4.add(d, f32x4.mul(decay, w));
    if (buffer) {
      const m = first ? d : f32x4.add(f32x4.mul(momentum, some(buffer, left)), f32x4.mul(fresh, d));
      put(buffer, m, left);
      d = nesterov ? f32x4.add(d, f32x4.mul(momentum, m)) : m;
      buffer += 16;
    }
    put(p, f32x4.sub(w, f32x4.mul(lr, d)), left);
    p += 16;
    g += 16;
  }
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
    const w = some(p, left);
    const d = f32x4.add(f32x4.mul(some(g, left), scale), f32x4.mul(coupled, w));
    const m0 = some(m, left);
    const a0 = f32x4.add(m0, f32x4.mul(fresh1, f32x4.sub(d, m0)));
    const b0 = f32x4.add(f32x4.mul(beta2, some(v, left)), f32x4.mul(fresh2, f32x4.mul(d, d)));
    const q = f32x4.add(f32x4.div(f32x4.sqrt(b0), root2), eps);
    put(m, a0, left);
    put(v, b0, left);
    put(p, f32x4.sub(f32x4.mul(w, shrink), f32x4.mul(step, f32x4.div(a0, q))), left);
    p += 16;
    g += 16;
    m += 16;
    v += 16;
  }
}
