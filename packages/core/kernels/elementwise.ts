import { gelu4, geluMany } from './gelu';
import { loadLanes, loadSome, storeLanes, storeSome } from './lanes';
import { c, erf4, exp4, geluTanh4, log4, relu4, sigmoid4, silu4, sinCos4, softplus4, tanh4 } from './vector-math';

// Every kernel is one loop, made from `mapWith` by inlining: `kind` is a constant, so only one branch of `f` is left in each.

// @ts-ignore: decorator
@inline
function sign4(x: v128): v128 {
  const positive = v128.and(c(12), f32x4.gt(x, c(15)));
  const negative = v128.and(c(12), f32x4.lt(x, c(15)));
  // NaN - NaN and x * 0 keep NaN
  return f32x4.add(f32x4.sub(positive, negative), v128.bitselect(c(15), x, f32x4.eq(x, x)));
}

// @ts-ignore: decorator
@inline
function f(kind: i32, x: v128, s: v128): v128 {
  if (kind == 0) return f32x4.neg(x); // neg
  if (kind == 1) return exp4(x); // exp
  if (kind == 2) return log4(x); // log
  if (kind == 3) return f32x4.sqrt(x); // sqrt
  if (kind == 4) return f32x4.div(c(12), f32x4.sqrt(x)); // rsqrt
  if (kind == 5) return f32x4.div(c(12), x); // reciprocal
  if (kind == 6) return f32x4.mul(x, x); // square
  if (kind == 7) return f32x4.abs(x); // abs
  if (kind == 8) return sign4(x); // sign
  if (kind == 9) return sinCos4(x, s); // sin
  if (kind == 10) return sinCos4(x, s); // cos
  if (kind == 11) return relu4(x); // relu
  if (kind == 12) return sigmoid4(x); // sigmoid
  if (kind == 13) return tanh4(x); // tanh
  if (kind == 14) return gelu4(x); // gelu
  if (kind == 15) return geluTanh4(x); // geluTanh
  if (kind == 16) return silu4(x); // silu
  if (kind == 17) return softplus4(x); // softplus
  if (kind == 18) return erf4(x); // erf
  if (kind == 19) return f32x4.add(x, s); // addScalar
  if (kind == 20) return f32x4.mul(x, s); // mulScalar
  if (kind == 21) return v128.bitselect(f32x4.mul(x, s), x, f32x4.lt(x, c(15))); // leakyRelu
  return v128.bitselect(f32x4.mul(s, f32x4.sub(exp4(x), c(12))), x, f32x4.lt(x, c(15))); // elu
}

// @ts-ignore: decorator
@inline
function mapWith(kind: i32, a: usize, s: v128): void {
  map(kind, load<usize>(a), load<usize>(a, 4), load<i32>(a, 8), s);
}

// @ts-ignore: decorator
@inline
function map(kind: i32, out: usize, p: usize, n: i32, s: v128): void {
  // Two vectors a turn, all loads before both stores: V8 can fuse them into one of 256 bits.
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    const y0 = f(kind, x0, s);
    const y1 = f(kind, x1, s);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    p += 32;
    out += 32;
  }
  if (n >= 4) {
    v128.store(out, f(kind, v128.load(p), s));
    n -= 4;
    p += 16;
    out += 16;
  }
  if (n > 0) storeLanes(out, f(kind, loadLanes(p, n), s), n);
}

export function neg(a: usize): void {
  mapWith(0, a, c(15));
}

export function exp(a: usize): void {
  mapWith(1, a, c(15));
}

export function log(a: usize): void {
  mapWith(2, a, c(15));
}

export function sqrt(a: usize): void {
  mapWith(3, a, c(15));
}

export function rsqrt(a: usize): void {
  mapWith(4, a, c(15));
}

export function reciprocal(a: usize): void {
  mapWith(5, a, c(15));
}

export function square(a: usize): void {
  mapWith(6, a, c(15));
}

export function abs(a: usize): void {
  mapWith(7, a, c(15));
}

export function sign(a: usize): void {
  mapWith(8, a, c(15));
}

export function sin(a: usize): void {
  mapWith(9, a, c(15));
}

export function cos(a: usize): void {
  mapWith(10, a, i32x4.splat(1));
}

export function relu(a: usize): void {
  mapWith(11, a, c(15));
}

export function sigmoid(a: usize): void {
  mapWith(12, a, c(15));
}

export function tanh(a: usize): void {
  mapWith(13, a, c(15));
}

export function gelu(a: usize): void {
  const out = load<usize>(a);
  const p = load<usize>(a, 4);
  const n = load<i32>(a, 8);
  const many = n & ~15;
  geluMany(out, p, many);
  map(14, out + (<usize>many << 2), p + (<usize>many << 2), n - many, c(15));
}

export function geluTanh(a: usize): void {
  mapWith(15, a, c(15));
}

export function silu(a: usize): void {
  mapWith(16, a, c(15));
}

export function softplus(a: usize): void {
  mapWith(17, a, c(15));
}

export function erf(a: usize): void {
  mapWith(18, a, c(15));
}

export function addScalar(a: usize): void {
  mapWith(19, a, v128.load32_splat(a, 12));
}

export function mulScalar(a: usize): void {
  mapWith(20, a, v128.load32_splat(a, 12));
}

export function leakyRelu(a: usize): void {
  mapWith(21, a, v128.load32_splat(a, 12));
}

export function elu(a: usize): void {
  mapWith(22, a, v128.load32_splat(a, 12));
}

/** x^s: whole powers up to 16 by repeated multiplication, others by exp(s ln |x|), where x < 0 has only whole ones. */
export function powScalar(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const n = load<i32>(a, 8);
  const s = load<f32>(a, 12);
  const whole = Mathf.trunc(s) == s;
  if (whole && Mathf.abs(s) <= 16) wholePower(out, x, n, s);
  // f32 beyond 2^24 are all even
  else if (whole) mapPower(out, x, n, s, -1, Mathf.abs(s) < 16777216 && (<i32>s & 1) != 0 ? 1 : 0);
  else mapPower(out, x, n, s, 0, 0);
}

function wholePower(out: usize, x: usize, n: i32, s: f32): void {
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const v = loadSome(x, left);
    let y = c(12);
    for (let k = <i32>Mathf.abs(s); k > 0; k--) y = f32x4.mul(y, v);
    if (s < 0) y = f32x4.div(c(12), y);
    storeSome(out, y, left);
    x += 16;
    out += 16;
  }
}

/** `fold` -1: of |x|, with the sign of x where `odd` is 1. */
function mapPower(out: usize, x: usize, n: i32, s: f32, fold: i32, odd: i32): void {
  const t = f32x4.splat(s);
  const sign = i32x4.splat((fold & odd) << 31);
  const magnitude = i32x4.splat(~(fold << 31));
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const y0 = power4(x0, t, magnitude, sign);
    const y1 = power4(x1, t, magnitude, sign);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    x += 32;
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, power4(loadSome(x, left), t, magnitude, sign), left);
    x += 16;
    out += 16;
  }
}

// @ts-ignore: decorator
@inline
function power4(x: v128, s: v128, magnitude: v128, sign: v128): v128 {
  return v128.or(exp4(f32x4.mul(s, log4(v128.and(x, magnitude)))), v128.and(x, sign));
}
