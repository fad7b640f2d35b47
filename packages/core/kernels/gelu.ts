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

// Four vectors a turn share their constants: what a turn waits for is the chain of the polynomial, and the fewer instructions a turn has the
// more turns the processor has under way.

/** out = x Phi(x) for n elements, a multiple of 16. */
export function geluMany(out: usize, x: usize, n: i32): void {
  for (; n > 0; n -= 16) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const x2 = v128.load(x, 32);
    const x3 = v128.load(x, 48);
    const far = c(3);
    const a0 = f32x4.pmin(f32x4.abs(x0), far);
    const a1 = f32x4.pmin(f32x4.abs(x1), far);
    const a2 = f32x4.pmin(f32x4.abs(x2), far);
    const a3 = f32x4.pmin(f32x4.abs(x3), far);
    const pk4 = c(4);
    const pk5 = c(5);
    let p0 = madd(pk4, a0, pk5);
    let p1 = madd(pk4, a1, pk5);
    let p2 = madd(pk4, a2, pk5);
    let p3 = madd(pk4, a3, pk5);
    const pk6 = c(6);
    p0 = madd(p0, a0, pk6);
    p1 = madd(p1, a1, pk6);
    p2 = madd(p2, a2, pk6);
    p3 = madd(p3, a3, pk6);
    const pk7 = c(7);
    p0 = madd(p0, a0, pk7);
    p1 = madd(p1, a1, pk7);
    p2 = madd(p2, a2, pk7);
    p3 = madd(p3, a3, pk7);
    const pk8 = c(8);
    p0 = madd(p0, a0, pk8);
    p1 = madd(p1, a1, pk8);
    p2 = madd(p2, a2, pk8);
    p3 = madd(p3, a3, pk8);
    const pk9 = c(9);
    p0 = madd(p0, a0, pk9);
    p1 = madd(p1, a1, pk9);
    p2 = madd(p2, a2, pk9);
    p3 = madd(p3, a3, pk9);
    const pk10 = c(10);
    p0 = madd(p0, a0, pk10);
    p1 = madd(p1, a1, pk10);
    p2 = madd(p2, a2, pk10);
    p3 = madd(p3, a3, pk10);
    const pk2 = c(2);
    p0 = madd(p0, a0, pk2);
    p1 = madd(p1, a1, pk2);
    p2 = madd(p2, a2, pk2);
    p3 = madd(p3, a3, pk2);
    p0 = f32x4.mul(p0, p0);
    p1 = f32x4.mul(p1, p1);
    p2 = f32x4.mul(p2, p2);
    p3 = f32x4.mul(p3, p3);
    p0 = f32x4.mul(p0, p0);
    p1 = f32x4.mul(p1, p1);
    p2 = f32x4.mul(p2, p2);
    p3 = f32x4.mul(p3, p3);
    p0 = f32x4.mul(p0, p0);
    p1 = f32x4.mul(p1, p1);
    p2 = f32x4.mul(p2, p2);
    p3 = f32x4.mul(p3, p3);
    p0 = f32x4.mul(p0, p0);
    p1 = f32x4.mul(p1, p1);
    p2 = f32x4.mul(p2, p2);
    p3 = f32x4.mul(p3, p3);
    const half = c(1);
    const zero = c(0);
    const y0 = f32x4.sub(v128.andnot(x0, f32x4.lt(x0, zero)), f32x4.div(f32x4.mul(a0, half), p0));
    const y1 = f32x4.sub(v128.andnot(x1, f32x4.lt(x1, zero)), f32x4.div(f32x4.mul(a1, half), p1));
    const y2 = f32x4.sub(v128.andnot(x2, f32x4.lt(x2, zero)), f32x4.div(f32x4.mul(a2, half), p2));
    const y3 = f32x4.sub(v128.andnot(x3, f32x4.lt(x3, zero)), f32x4.div(f32x4.mul(a3, half), p3));
    v128.store(out, y0);
    v128.store(out, y1, 16);
    v128.store(out, y2, 32);
    v128.store(out, y3, 48);
    x += 64;
    out += 64;
  }
}

/** out = g times the slope of x Phi(x), for n elements, a multiple of 16. */
export function geluSlopeMany(out: usize, x: usize, g: usize, n: i32): void {
  for (; n > 0; n -= 16) {
    const high = c(11);
    const low = c(12);
    const x0 = f32x4.pmax(f32x4.pmin(v128.load(x), high), low);
    const x1 = f32x4.pmax(f32x4.pmin(v128.load(x, 16), high), low);
    const x2 = f32x4.pmax(f32x4.pmin(v128.load(x, 32), high), low);
    const x3 = f32x4.pmax(f32x4.pmin(v128.load(x, 48), high), low);
    const z0 = f32x4.mul(x0, x0);
    const z1 = f32x4.mul(x1, x1);
    const z2 = f32x4.mul(x2, x2);
    const z3 = f32x4.mul(x3, x3);
    const pk13 = c(13);
    const pk14 = c(14);
    let p0 = madd(pk13, z0, pk14);
    let p1 = madd(pk13, z1, pk14);
    let p2 = madd(pk13, z2, pk14);
    let p3 = madd(pk13, z3, pk14);
    const pk15 = c(15);
    p0 = madd(p0, z0, pk15);
    p1 = madd(p1, z1, pk15);
    p2 = madd(p2, z2, pk15);
    p3 = madd(p3, z3, pk15);
    const pk16 = c(16);
    p0 = madd(p0, z0, pk16);
    p1 = madd(p1, z1, pk16);
    p2 = madd(p2, z2, pk16);
    p3 = madd(p3, z3, pk16);
    const pk17 = c(17);
    p0 = madd(p0, z0, pk17);
    p1 = madd(p1, z1, pk17);
    p2 = madd(p2, z2, pk17);
    p3 = madd(p3, z3, pk17);
    const pk18 = c(18);
    p0 = madd(p0, z0, pk18);
    p1 = madd(p1, z1, pk18);
    p2 = madd(p2, z2, pk18);
    p3 = madd(p3, z3, pk18);
    const qk19 = c(19);
    const qk20 = c(20);
    let q0 = madd(qk19, z0, qk20);
    let q1 = madd(qk19, z1, qk20);
    let q2 = madd(qk19, z2, qk20);
    let q3 = madd(qk19, z3, qk20);
    const qk21 = c(21);
    q0 = madd(q0, z0, qk21);
    q1 = madd(q1, z1, qk21);
    q2 = madd(q2, z2, qk21);
    q3 = madd(q3, z3, qk21);
    const qk22 = c(22);
    q0 = madd(q0, z0, qk22);
    q1 = madd(q1, z1, qk22);
    q2 = madd(q2, z2, qk22);
    q3 = madd(q3, z3, qk22);
    const qk23 = c(23);
    q0 = madd(q0, z0, qk23);
    q1 = madd(q1, z1, qk23);
    q2 = madd(q2, z2, qk23);
    q3 = madd(q3, z3, qk23);
    const qk2 = c(2);
    q0 = madd(q0, z0, qk2);
    q1 = madd(q1, z1, qk2);
    q2 = madd(q2, z2, qk2);
    q3 = madd(q3, z3, qk2);
    const half = c(1);
    const y0 = f32x4.mul(v128.load(g), f32x4.add(half, f32x4.div(f32x4.mul(x0, p0), q0)));
    const y1 = f32x4.mul(v128.load(g, 16), f32x4.add(half, f32x4.div(f32x4.mul(x1, p1), q1)));
    const y2 = f32x4.mul(v128.load(g, 32), f32x4.add(half, f32x4.div(f32x4.mul(x2, p2), q2)));
    const y3 = f32x4.mul(v128.load(g, 48), f32x4.add(half, f32x4.div(f32x4.mul(x3, p3), q3)));
    v128.store(out, y0);
    v128.store(out, y1, 16);
    v128.store(out, y2, 32);
    v128.store(out, y3, 48);
    x += 64;
    g += 64;
    out += 64;
  }
}
