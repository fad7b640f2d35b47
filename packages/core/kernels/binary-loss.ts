import { loadSome, storeSome } from './lanes';
import { c, log4 } from './vector-math';

// Binary cross entropy of probabilities p against targets t, within the bounds that PyTorch sets.

/** The lowest logarithm, and the lowest p (1 - p) to divide by. */
const bounds: usize = memory.data<f32>([-100, 1e-12], 16);

// @ts-ignore: decorator
@inline
function boundedLog4(x: v128): v128 {
  return f32x4.pmax(log4(x), v128.load32_splat(bounds));
}

/** (t - 1) ln(1 - p) - t ln p */
// @ts-ignore: decorator
@inline
function value4(p: v128, t: v128): v128 {
  const no = f32x4.mul(f32x4.sub(t, c(12)), boundedLog4(f32x4.sub(c(12), p)));
  return f32x4.sub(no, f32x4.mul(t, boundedLog4(p)));
}

/** g (p - t) / (p (1 - p)) */
// @ts-ignore: decorator
@inline
function slope4(p: v128, t: v128, g: v128): v128 {
  const spread = f32x4.pmax(f32x4.mul(p, f32x4.sub(c(12), p)), v128.load32_splat(bounds, 4));
  return f32x4.div(f32x4.mul(g, f32x4.sub(p, t)), spread);
}

export function binaryCrossEntropy(a: usize): void {
  let out = load<usize>(a);
  let p = load<usize>(a, 4);
  let t = load<usize>(a, 8);
  let n = load<i32>(a, 12);
  for (; n >= 8; n -= 8) {
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    const t0 = v128.load(t);
    const t1 = v128.load(t, 16);
    const y0 = value4(p0, t0);
    const y1 = value4(p1, t1);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    p += 32;
    t += 32;
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, value4(loadSome(p, left), loadSome(t, left)), left);
    p += 16;
    t += 16;
    out += 16;
  }
}

export function binaryCrossEntropyGrad(a: usize): void {
  let out = load<usize>(a);
  let p = load<usize>(a, 4);
  let t = load<usize>(a, 8);
  let g = load<usize>(a, 12);
  let n = load<i32>(a, 16);
  for (; n >= 8; n -= 8) {
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    const t0 = v128.load(t);
    const t1 = v128.load(t, 16);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const y0 = slope4(p0, t0, g0);
    const y1 = slope4(p1, t1, g1);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    p += 32;
    t += 32;
    g += 32;
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, slope4(loadSome(p, left), loadSome(t, left), loadSome(g, left)), left);
    p += 16;
    t += 16;
    g += 16;
    out += 16;
  }
}
