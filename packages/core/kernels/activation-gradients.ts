import { geluSlope4, geluSlopeMany } from './gelu';
import { loadLanes, storeLanes } from './lanes';
import { c, exp4, geluTanhSlope4, sigmoid4, siluSlope4 } from './vector-math';

// x is what the formula is in (input or output of the activation), y the gradient of its output.

/** z, or NaN where x is: a comparison forgets it. */
// @ts-ignore: decorator
@inline
function keepNaN(x: v128, z: v128): v128 {
  return v128.or(z, f32x4.ne(x, x));
}

// @ts-ignore: decorator
@inline
function f(kind: i32, x: v128, y: v128, s: v128): v128 {
  if (kind == 0) return keepNaN(x, v128.andnot(y, f32x4.le(x, c(15)))); // reluGrad
  if (kind == 1) return f32x4.mul(y, f32x4.mul(x, f32x4.sub(c(12), x))); // sigmoidGrad
  if (kind == 2) return f32x4.mul(y, f32x4.sub(c(12), f32x4.mul(x, x))); // tanhGrad
  if (kind == 3) return f32x4.mul(y, geluSlope4(x)); // geluGrad
  if (kind == 4) return f32x4.mul(y, geluTanhSlope4(x)); // geluTanhGrad
  if (kind == 5) return f32x4.mul(y, siluSlope4(x)); // siluGrad
  if (kind == 6) return f32x4.mul(y, sigmoid4(x)); // softplusGrad
  if (kind == 7) return keepNaN(x, v128.bitselect(f32x4.mul(y, s), y, f32x4.le(x, c(15)))); // leakyReluGrad
  return keepNaN(x, v128.bitselect(f32x4.mul(y, f32x4.mul(s, exp4(x))), y, f32x4.le(x, c(15)))); // eluGrad
}

// @ts-ignore: decorator
@inline
function mapPairs(kind: i32, a: usize, s: v128): void {
  map(kind, load<usize>(a), load<usize>(a, 4), load<usize>(a, 8), load<i32>(a, 12), s);
}

// @ts-ignore: decorator
@inline
function map(kind: i32, out: usize, p: usize, q: usize, n: i32, s: v128): void {
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    const y0 = v128.load(q);
    const y1 = v128.load(q, 16);
    const z0 = f(kind, x0, y0, s);
    const z1 = f(kind, x1, y1, s);
    v128.store(out, z0);
    v128.store(out, z1, 16);
    p += 32;
    q += 32;
    out += 32;
  }
  if (n >= 4) {
    v128.store(out, f(kind, v128.load(p), v128.load(q), s));
    n -= 4;
    p += 16;
    q += 16;
    out += 16;
  }
  if (n > 0) storeLanes(out, f(kind, loadLanes(p, n), loadLanes(q, n), s), n);
}

export function reluGrad(a: usize): void {
  mapPairs(0, a, c(15));
}

export function sigmoidGrad(a: usize): void {
  mapPairs(1, a, c(15));
}

export function tanhGrad(a: usize): void {
  mapPairs(2, a, c(15));
}

export function geluGrad(a: usize): void {
  const out = load<usize>(a);
  const p = load<usize>(a, 4);
  const q = load<usize>(a, 8);
  const n = load<i32>(a, 12);
  const many = n & ~15;
  const at = <usize>many << 2;
  geluSlopeMany(out, p, q, many);
  map(3, out + at, p + at, q + at, n - many, c(15));
}

export function geluTanhGrad(a: usize): void {
  mapPairs(4, a, c(15));
}

export function siluGrad(a: usize): void {
  mapPairs(5, a, c(15));
}

export function softplusGrad(a: usize): void {
  mapPairs(6, a, c(15));
}

export function leakyReluGrad(a: usize): void {
  mapPairs(7, a, v128.load32_splat(a, 16));
}

export function eluGrad(a: usize): void {
  mapPairs(8, a, v128.load32_splat(a, 16));
}
