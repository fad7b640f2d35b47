// Initial weights: numbers by place, with the bits of RandomStream (src/random/), which has them in JavaScript. Both follow its operations one by one, in f64;
// they are rounded to f32 at the end.

/** log 2 in two parts, and pi/2 in three, as src/math/ has them. */
const ln2High: f64 = 0.6931471803691238;
const ln2Low: f64 = 1.9082149292705877e-10;
const halfPi1: f64 = 1.5707963267341256;
const halfPi2: f64 = 6.077100506303966e-11;
const halfPi3: f64 = 2.0222662487959506e-21;

// @ts-ignore: decorator
@inline
function d(x: f64): v128 {
  return f64x2.splat(x);
}

/** Philox4x32-10 (Salmon et al. 2011): the four words of one counter. */
// @ts-ignore: decorator
@inline
function philox(c0: u32, c1: u32, k0: u32, k1: u32): v128 {
  let c2: u32 = 0;
  let c3: u32 = 0;
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>c0 * 0xd2511f53;
    const p1 = <u64>c2 * 0xcd9e8d57;
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0;
    c1 = <u32>p1;
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1;
    c3 = <u32>p0;
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  const half = i32x4.replace_lane(i32x4.splat(c0), 1, c1);
  return i32x4.replace_lane(i32x4.replace_lane(half, 2, c2), 3, c3);
}

// @ts-ignore: decorator
@inline
function term(series: v128, s2: v128, divisor: f64): v128 {
  return f64x2.mul(f64x2.add(series, d(1.0 / divisor)), s2);
}

/** sqrt(-2 log(k 2^-24)) of the two k, integers from 1 to 2^24. */
// @ts-ignore: decorator
@inline
function radius(k: v128): v128 {
  const bits = f64x2.convert_low_i32x4_s(k);
  let m = v128.or(v128.and(bits, i64x2.splat(0x000fffffffffffff)), i64x2.splat(0x3ff0000000000000));
  const high = f64x2.ge(m, d(1.4142135623730951));
  m = v128.bitselect(f64x2.mul(m, d(0.5)), m, high);
  const power = i64x2.sub(i64x2.sub(i64x2.shr_u(bits, 52), i64x2.splat(1023 + 24)), high);
  const exponent = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(power, power, 0, 2, 0, 2));
  const s = f64x2.div(f64x2.sub(m, d(1)), f64x2.add(m, d(1)));
  const s2 = f64x2.mul(s, s);
  let series = f64x2.mul(d(1.0 / 25.0), s2);
  series = term(series, s2, 23);
  series = term(series, s2, 21);
  series = term(series, s2, 19);
  series = term(series, s2, 17);
  series = term(series, s2, 15);
  series = term(series, s2, 13);
  series = term(series, s2, 11);
  series = term(series, s2, 9);
  series = term(series, s2, 7);
  series = term(series, s2, 5);
  series = term(series, s2, 3);
  const twice = f64x2.mul(d(2), s);
  const low = f64x2.add(f64x2.mul(twice, series), f64x2.mul(exponent, d(ln2Low)));
  const log = f64x2.add(f64x2.mul(exponent, d(ln2High)), f64x2.add(twice, low));
  return f64x2.sqrt(f64x2.mul(d(-2), log));
}

// @ts-ignore: decorator
@inline
function turn(series: v128, r2: v128, divisor: f64): v128 {
  return f64x2.mul(f64x2.sub(d(1), series), f64x2.div(r2, d(divisor)));
}

/** Four normal numbers from four words: Box-Muller over the first two and the last two. */
// @ts-ignore: decorator
@inline
function normals(words: v128, mean: v128, std: v128): v128 {
  const units = i32x4.shr_u(words, 8);
  const size = radius(i32x4.add(v128.shuffle<i32>(units, units, 0, 2, 0, 2), i32x4.splat(1)));
  const part = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(units, units, 1, 3, 1, 3));
  const angle = f64x2.mul(d(6.283185307179586), f64x2.mul(part, d(5.9604644775390625e-8)));
  const n = f64x2.floor(f64x2.add(f64x2.mul(angle, d(0.6366197723675814)), d(0.5)));
  let r = f64x2.sub(angle, f64x2.mul(n, d(halfPi1)));
  r = f64x2.sub(r, f64x2.mul(n, d(halfPi2)));
  r = f64x2.sub(r, f64x2.mul(n, d(halfPi3)));
  const r2 = f64x2.mul(r, r);
  let sine = f64x2.div(r2, d(272));
  sine = turn(sine, r2, 210);
  sine = turn(sine, r2, 156);
  sine = turn(sine, r2, 110);
  sine = turn(sine, r2, 72);
  sine = turn(sine, r2, 42);
  sine = turn(sine, r2, 20);
  sine = turn(sine, r2, 6);
  sine = f64x2.mul(r, f64x2.sub(d(1), sine));
  let cosine = f64x2.div(r2, d(306));
  cosine = turn(cosine, r2, 240);
  cosine = turn(cosine, r2, 182);
  cosine = turn(cosine, r2, 132);
  cosine = turn(cosine, r2, 90);
  cosine = turn(cosine, r2, 56);
  cosine = turn(cosine, r2, 30);
  cosine = turn(cosine, r2, 12);
  cosine = turn(cosine, r2, 2);
  cosine = f64x2.sub(d(1), cosine);
  // Quadrants: (cos, sin) of r + n pi/2.
  const quadrant = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(n));
  const odd = i64x2.shr_s(i64x2.shl(quadrant, 63), 63);
  const minus = i64x2.shl(i64x2.shr_u(quadrant, 1), 63);
  const first = v128.xor(v128.bitselect(f64x2.neg(sine), cosine, odd), minus);
  const second = v128.xor(v128.bitselect(cosine, sine, odd), minus);
  const a = f32x4.demote_f64x2_zero(f64x2.add(mean, f64x2.mul(std, f64x2.mul(size, first))));
  const b = f32x4.demote_f64x2_zero(f64x2.add(mean, f64x2.mul(std, f64x2.mul(size, second))));
  return v128.shuffle<f32>(a, b, 0, 4, 1, 5);
}

// @ts-ignore: decorator
@inline
function uniforms(words: v128, low: v128, span: v128): v128 {
  const units = i32x4.shr_u(words, 8);
  const scale = d(5.9604644775390625e-8);
  const upper = v128.shuffle<i32>(units, units, 2, 3, 2, 3);
  const a = f64x2.add(low, f64x2.mul(span, f64x2.mul(f64x2.convert_low_i32x4_s(units), scale)));
  const b = f64x2.add(low, f64x2.mul(span, f64x2.mul(f64x2.convert_low_i32x4_s(upper), scale)));
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5);
}

/** Whole counters: up to three elements behind the last of n are written as well. */
// @ts-ignore: decorator
@inline
function draw(normal: bool, a: usize): void {
  let out = load<usize>(a);
  const counters = (load<u32>(a, 4) + 3) >> 2;
  const first = load<u32>(a, 8);
  const x = v128.load64_splat(a, 24);
  const y = v128.load64_splat(a, 32);
  for (let i: u32 = 0; i < counters; i++) {
    const words = philox(first + i, load<u32>(a, 12), load<u32>(a, 16), load<u32>(a, 20));
    v128.store(out, normal ? normals(words, x, y) : uniforms(words, x, y));
    out += 16;
  }
}

export function initialUniform(a: usize): void {
  draw(false, a);
}

export function initialNormal(a: usize): void {
  draw(true, a);
}
