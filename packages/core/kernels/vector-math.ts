/**
 * Elementary functions on four lanes, in strict single precision: range reduction and the minimax polynomials of Cephes (Moshier). The
 * constants lie in linear memory, since V8 rebuilds a vector constant at each use.
 */
const table: usize = memory.data<f32>([
  /* 0 exp */ 88.8, -104.0, 1.44269504088896341, 12582912.0, 0.693359375, -2.12194440e-4,
  /* 6 */ 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
  /* 12 */ 1.0, 0.5, 2.0, 0.0,
  /* 16 log */ 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  /* 22 */ 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, 0.707106781186547524,
  /* 26 tanh */ -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1, 0.625,
  /* 32 erf */ 7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2,
  /* 36 */ 1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710, 0.3275911,
  /* 40 */ 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592,
  /* 45 gelu */ 0.7978845608028654, 0.044715, 0.134145,
  /* 48 trigonometry */ 0.63661977236758134, 1.5703125, 4.837512969970703e-4, 7.549789948768648e-8,
  /* 52 */ -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1,
  /* 55 */ 2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2,
  /* 58 */ 1.17549435e-38, 8388608.0, 23.0, -2.0, -0.0, Infinity, NaN, -87.0,
], 16);

/** Bit patterns: the mantissa, the exponent's bias less one, and the low two bits. */
const bits: usize = memory.data<u32>([0x007fffff, 126, 1, 2], 16);

// @ts-ignore: decorator
@inline
function b(i: usize): v128 {
  return v128.load32_splat(bits + (i << 2));
}

// @ts-ignore: decorator
@inline
export function c(i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, d: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), d);
}

/** e^x, to 2 units in the last place; NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function exp4(v: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(v, c(0)), c(1));
  const shifted = madd(x, c(2), c(3));
  const n = f32x4.sub(shifted, c(3));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, c(4))), f32x4.mul(n, c(5)));
  let p = madd(c(6), r, c(7));
  p = madd(p, r, c(8));
  p = madd(p, r, c(9));
  p = madd(p, r, c(10));
  p = madd(p, r, c(11));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), c(12));
  // 2^n in two factors, so that results that overflow or are subnormal come out right
  const i = i32x4.sub(shifted, c(3));
  const half = i32x4.shr_s(i, 1);
  const one = c(12);
  p = f32x4.mul(p, i32x4.add(i32x4.shl(half, 23), one));
  return f32x4.mul(p, i32x4.add(i32x4.shl(i32x4.sub(i, half), 23), one));
}

/** e^x for x up to 0, as `exp4`, but 0 where x < -87: no subnormal number appears, which processors are slow at. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function expDown4(v: v128): v128 {
  const x = f32x4.pmax(v, c(65));
  const shifted = madd(x, c(2), c(3));
  const n = f32x4.sub(shifted, c(3));
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, c(4))), f32x4.mul(n, c(5)));
  let p = madd(c(6), r, c(7));
  p = madd(p, r, c(8));
  p = madd(p, r, c(9));
  p = madd(p, r, c(10));
  p = madd(p, r, c(11));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), c(12));
  // the low bits of `shifted` are n
  p = f32x4.mul(p, i32x4.add(i32x4.shl(shifted, 23), c(12)));
  return v128.andnot(p, f32x4.lt(v, c(65)));
}

/** Natural logarithm; -Infinity at 0, NaN below. */
// @ts-ignore: decorator
@inline
export function log4(v: v128): v128 {
  const tiny = f32x4.lt(v, c(58));
  const x = v128.bitselect(f32x4.mul(v, c(59)), v, tiny);
  // x = m 2^e with m in [sqrt(1/2), sqrt(2))
  let e = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_s(x, 23), b(1)));
  e = f32x4.sub(e, v128.and(c(60), tiny));
  let m = v128.or(v128.and(x, b(0)), c(13));
  const small = f32x4.lt(m, c(25));
  e = f32x4.sub(e, v128.and(c(12), small));
  m = f32x4.sub(f32x4.add(m, v128.and(m, small)), c(12));
  const z = f32x4.mul(m, m);
  let p = madd(c(16), m, c(17));
  p = madd(p, m, c(18));
  p = madd(p, m, c(19));
  p = madd(p, m, c(20));
  p = madd(p, m, c(21));
  p = madd(p, m, c(22));
  p = madd(p, m, c(23));
  p = madd(p, m, c(24));
  p = f32x4.mul(f32x4.mul(p, m), z);
  p = madd(e, c(5), p);
  p = f32x4.sub(p, f32x4.mul(z, c(13)));
  p = f32x4.add(f32x4.add(m, p), f32x4.mul(e, c(4)));
  p = v128.bitselect(c(63), p, f32x4.eq(v, c(63)));
  p = v128.bitselect(f32x4.neg(c(63)), p, f32x4.eq(v, c(15)));
  // NaN where v is NaN or below 0
  return v128.bitselect(p, c(64), f32x4.ge(v, c(15)));
}

// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = madd(c(26), z, c(27));
  p = madd(p, z, c(28));
  p = madd(p, z, c(29));
  p = madd(p, z, c(30));
  p = madd(f32x4.mul(p, z), x, x);
  const e = exp4(f32x4.add(a, a));
  const far = f32x4.sub(c(12), f32x4.div(c(14), f32x4.add(e, c(12))));
  const signed = v128.or(far, v128.and(x, c(62)));
  return v128.bitselect(p, signed, f32x4.lt(a, c(31)));
}

/** Error function, absolute error below 2e-7. */
// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  const a = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = madd(c(32), z, c(33));
  p = madd(p, z, c(34));
  p = madd(p, z, c(35));
  p = madd(p, z, c(36));
  p = madd(p, z, c(37));
  p = f32x4.mul(madd(p, z, c(38)), x);
  // Abramowitz and Stegun 7.1.26
  const t = f32x4.div(c(12), madd(c(39), a, c(12)));
  let q = madd(c(40), t, c(41));
  q = madd(q, t, c(42));
  q = madd(q, t, c(43));
  q = f32x4.mul(madd(q, t, c(44)), t);
  const far = f32x4.sub(c(12), f32x4.mul(q, exp4(f32x4.neg(z))));
  const signed = v128.or(far, v128.and(x, c(62)));
  return v128.bitselect(p, signed, f32x4.lt(a, c(12)));
}

// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  return f32x4.div(c(12), f32x4.add(c(12), exp4(f32x4.neg(x))));
}

/** max(x, -104): from there down x Phi(x) and x sigmoid(x) are 0, and -Infinity times 0 would be NaN. */
// @ts-ignore: decorator
@inline
function raised(x: v128): v128 {
  return f32x4.pmax(x, c(1));
}

/** Within [-104, 88.8], beyond which the slopes below are 0 and 1 and an infinite x or x^2 times 0 would be NaN. */
// @ts-ignore: decorator
@inline
function bounded(x: v128): v128 {
  return f32x4.pmin(raised(x), c(0));
}

// @ts-ignore: decorator
@inline
export function silu4(v: v128): v128 {
  const x = raised(v);
  return f32x4.mul(x, sigmoid4(x));
}

// @ts-ignore: decorator
@inline
export function siluSlope4(v: v128): v128 {
  const x = bounded(v);
  const s = sigmoid4(x);
  return f32x4.mul(s, f32x4.add(c(12), f32x4.mul(x, f32x4.sub(c(12), s))));
}

/** tanh(sqrt(2/pi) (x + 0.044715 x^3)) */
// @ts-ignore: decorator
@inline
function geluInner4(x: v128): v128 {
  const cubic = f32x4.mul(f32x4.mul(f32x4.mul(c(46), x), x), x);
  return tanh4(f32x4.mul(c(45), f32x4.add(x, cubic)));
}

// @ts-ignore: decorator
@inline
export function geluTanh4(v: v128): v128 {
  const x = raised(v);
  return f32x4.mul(f32x4.mul(x, c(13)), f32x4.add(c(12), geluInner4(x)));
}

// @ts-ignore: decorator
@inline
export function geluTanhSlope4(v: v128): v128 {
  const x = bounded(v);
  const t = geluInner4(x);
  const slope = f32x4.mul(c(45), madd(f32x4.mul(c(47), x), x, c(12)));
  const tail = f32x4.mul(f32x4.mul(f32x4.mul(c(13), x), f32x4.sub(c(12), f32x4.mul(t, t))), slope);
  return f32x4.add(f32x4.mul(c(13), f32x4.add(c(12), t)), tail);
}

/** max(x, 0) + ln(1 + e^-|x|) */
// @ts-ignore: decorator
@inline
export function softplus4(x: v128): v128 {
  const tail = log4(f32x4.add(c(12), exp4(f32x4.neg(f32x4.abs(x)))));
  return f32x4.add(relu4(x), tail);
}

// @ts-ignore: decorator
@inline
export function relu4(x: v128): v128 {
  // x < 0 ? 0 : x keeps NaN
  return v128.andnot(x, f32x4.lt(x, c(15)));
}

/** sin where a lane of `shift` is 0, cos where it is 1; for |x| up to 1e5; beyond that the reduction loses digits, and NaN from 2^23 on. */
// @ts-ignore: decorator
@inline
export function sinCos4(x: v128, shift: v128): v128 {
  const shifted = madd(x, c(48), c(3));
  const n = f32x4.sub(shifted, c(3));
  let r = f32x4.sub(x, f32x4.mul(n, c(49)));
  r = f32x4.sub(r, f32x4.mul(n, c(50)));
  r = f32x4.sub(r, f32x4.mul(n, c(51)));
  r = v128.or(r, f32x4.ge(f32x4.abs(x), c(59)));
  const z = f32x4.mul(r, r);
  let s = madd(c(52), z, c(53));
  s = madd(s, z, c(54));
  s = madd(f32x4.mul(s, z), r, r);
  let k = madd(c(55), z, c(56));
  k = madd(k, z, c(57));
  k = f32x4.add(f32x4.sub(f32x4.mul(f32x4.mul(k, z), z), f32x4.mul(c(13), z)), c(12));
  // the quadrant is in the low bits of `shifted`
  const q = i32x4.add(i32x4.sub(shifted, c(3)), shift);
  const odd = i32x4.eq(v128.and(q, b(2)), b(2));
  const y = v128.bitselect(k, s, odd);
  return v128.xor(y, i32x4.shl(v128.and(q, b(3)), 30));
}
