/**
 * x Phi(x) and its slope on four lanes, in strict single precision and without an exponential: minimax fits whose coefficients lie in
 * linear memory, since V8 rebuilds a vector constant at each use.
 */
const table: usize = memory.data<f32>([
  /* 0 */ 0.0, 0.5, 1.0, 104.0,
  /* 4 tail */ 8.168546514752961e-7, -2.073179302897188e-6, 7.478499901480973e-5, -5.14766088599572e-6,
  /* 8 */ 3.3132999669760466e-3, 2.112751640379429e-2, 4.9869097769260406e-2,
  /* 11 slope */ 5.85, -5.85,
  /* 13 */ 1.9341139534390095e-7, 3.5991764889331535e-5, 1.8463613741914742e-5, 1.4233896508812904e-2, -3.1031476333737373e-2,
  /* 18 */ 7.978852987289429e-1,
  /* 19 */ 8.968523616204038e-6, 1.9190173770766705e-4, 3.522086190059781e-3, 4.096989333629608e-2, 2.944491505622864e-1,
], 16);

// @ts-ignore: decorator
@inline
function c(i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, d: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), d);
}

/**
 * max(x, 0) - a (1 - Phi(a)) with a = |x|, where 1 - Phi(a) = 1 / (2 p(a)^16), a form of Abramowitz and Stegun 7.1.28: the error is below
 * 3.5e-7, and vanishes with the value below 0. Beyond 104 the power is infinite and the tail 0, as it should be.
 */
// @ts-ignore: decorator
@inline
export function gelu4(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), c(3));
  let p = madd(c(4), a, c(5));
  p = madd(p, a, c(6));
  p = madd(p, a, c(7));
  p = madd(p, a, c(8));
  p = madd(p, a, c(9));
  p = madd(p, a, c(10));
  p = madd(p, a, c(2));
  p = f32x4.mul(p, p);
  p = f32x4.mul(p, p);
  p = f32x4.mul(p, p);
  p = f32x4.mul(p, p);
  // x < 0 ? 0 : x keeps NaN
  return f32x4.sub(v128.andnot(x, f32x4.lt(x, c(0))), f32x4.div(f32x4.mul(a, c(1)), p));
}

/** Phi(x) + x phi(x) = 1/2 + x times a quotient of polynomials of x^2, to 3.5e-7; at its bounds, and beyond them, exactly 0 and 1. */
// @ts-ignore: decorator
@inline
export function geluSlope4(v: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(v, c(11)), c(12));
  const z = f32x4.mul(x, x);
  let p = madd(c(13), z, c(14));
  p = madd(p, z, c(15));
  p = madd(p, z, c(16));
  p = madd(p, z, c(17));
  p = madd(p, z, c(18));
  let q = madd(c(19), z, c(20));
  q = madd(q, z, c(21));
  q = madd(q, z, c(22));
  q = madd(q, z, c(23));
  q = madd(q, z, c(2));
  return f32x4.add(c(1), f32x4.div(f32x4.mul(x, p), q));
}
