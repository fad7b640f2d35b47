import { positionAt } from './context';
import { loadSome, storeSome } from './lanes';
import { c, log4, sinCos4 } from './vector-math';

// Philox4x32-10 (Salmon et al. 2011), four counters at a time, one in each lane.

/** The two multipliers, the two increments of the key. */
const table: usize = memory.data<u32>([0xd2511f53, 0xcd9e8d57, 0x9e3779b9, 0xbb67ae85], 16);
const units: usize = memory.data<f32>([5.9604644775390625e-8, 6.283185307179586], 16);

// @ts-ignore: decorator
@inline
function t(i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

// @ts-ignore: decorator
@inline
function unit(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)), v128.load32_splat(units));
}

/** Box-Muller: lanes 0, 1 from words 0, 1 and lanes 2, 3 from words 2, 3; cos in even lanes, sin in odd ones. */
// @ts-ignore: decorator
@inline
function normal(words: v128): v128 {
  const u = unit(words);
  const u1 = f32x4.add(v128.shuffle<f32>(u, u, 0, 0, 2, 2), v128.load32_splat(units));
  const angle = f32x4.mul(v128.shuffle<f32>(u, u, 1, 1, 3, 3), v128.load32_splat(units + 4));
  const radius = f32x4.sqrt(f32x4.mul(c(61), log4(u1)));
  return f32x4.mul(radius, sinCos4(angle, i32x4(1, 0, 1, 0)));
}

/** Dropout: `scale` x where the word is at least `threshold`. */
// @ts-ignore: decorator
@inline
function kept(words: v128, x: v128, threshold: v128, scale: v128): v128 {
  return v128.and(f32x4.mul(x, scale), i32x4.ge_u(words, threshold));
}

// @ts-ignore: decorator
@inline
function f(kind: i32, words: v128, x: v128, threshold: v128, scale: v128): v128 {
  if (kind == 0) return kept(words, x, threshold, scale);
  return kind == 1 ? unit(words) : normal(words);
}

/** `left` (1 to 4) elements from one counter's words. */
// @ts-ignore: decorator
@inline
function finish(kind: i32, out: usize, x: usize, left: i32, words: v128, threshold: v128, scale: v128): void {
  storeSome(out, f(kind, words, kind == 0 ? loadSome(x, left) : words, threshold, scale), left);
}

/** One sample's elements, 16 a turn. */
// @ts-ignore: decorator
@inline
function sample(kind: i32, out: usize, x: usize, elements: i32, id: u32, position: u32, ctx: usize, threshold: v128, scale: v128): void {
  for (let e = 0; e < elements; e += 16) {
    let c0 = i32x4.add(i32x4.splat(e >> 2), i32x4(0, 1, 2, 3));
    let c1 = i32x4.splat(id);
    let c2 = i32x4.splat(position);
    let c3 = i32x4.splat(0);
    let k0 = v128.load32_splat(ctx);
    let k1 = v128.load32_splat(ctx, 4);
    for (let round = 0; round < 10; round++) {
      const p0 = i64x2.extmul_low_i32x4_u(c0, t(0));
      const q0 = i64x2.extmul_high_i32x4_u(c0, t(0));
      const p1 = i64x2.extmul_low_i32x4_u(c2, t(1));
      const q1 = i64x2.extmul_high_i32x4_u(c2, t(1));
      c0 = v128.xor(v128.xor(v128.shuffle<i32>(p1, q1, 1, 3, 5, 7), c1), k0);
      c1 = v128.shuffle<i32>(p1, q1, 0, 2, 4, 6);
      c2 = v128.xor(v128.xor(v128.shuffle<i32>(p0, q0, 1, 3, 5, 7), c3), k1);
      c3 = v128.shuffle<i32>(p0, q0, 0, 2, 4, 6);
      k0 = i32x4.add(k0, t(2));
      k1 = i32x4.add(k1, t(3));
    }
    // word w of counter i lies in lane i of cw: turned so that a counter's words stand together
    const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
    const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
    const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
    const w0 = v128.shuffle<i32>(low01, low23, 0, 1, 4, 5);
    const w1 = v128.shuffle<i32>(low01, low23, 2, 3, 6, 7);
    const w2 = v128.shuffle<i32>(high01, high23, 0, 1, 4, 5);
    const w3 = v128.shuffle<i32>(high01, high23, 2, 3, 6, 7);
    const left = elements - e;
    if (left >= 16) {
      const x0 = kind == 0 ? v128.load(x) : w0;
      const x1 = kind == 0 ? v128.load(x, 16) : w1;
      const x2 = kind == 0 ? v128.load(x, 32) : w2;
      const x3 = kind == 0 ? v128.load(x, 48) : w3;
      const y0 = f(kind, w0, x0, threshold, scale);
      const y1 = f(kind, w1, x1, threshold, scale);
      const y2 = f(kind, w2, x2, threshold, scale);
      const y3 = f(kind, w3, x3, threshold, scale);
      v128.store(out, y0);
      v128.store(out, y1, 16);
      v128.store(out, y2, 32);
      v128.store(out, y3, 48);
    } else {
      finish(kind, out, x, min(left, 4), w0, threshold, scale);
      if (left > 4) finish(kind, out + 16, x + 16, min(left - 4, 4), w1, threshold, scale);
      if (left > 8) finish(kind, out + 32, x + 32, min(left - 8, 4), w2, threshold, scale);
      if (left > 12) finish(kind, out + 48, x + 48, min(left - 12, 4), w3, threshold, scale);
    }
    out += 64;
    x += 64;
  }
}

export function dropout(a: usize): void {
  const samples = load<i32>(a, 8);
  const elements = load<i32>(a, 12);
  const p = load<f32>(a, 20);
  const ctx = load<usize>(a, 24);
  const first = load<u32>(ctx, positionAt) + load<u32>(a, 28);
  const threshold = i32x4.splat(<u32>Math.floor(<f64>p * 4294967296.0));
  const scale = f32x4.splat(<f32>(1.0 / (1.0 - <f64>p)));
  for (let i = 0; i < samples; i++) {
    const at = <usize>i * <usize>elements << 2;
    sample(0, load<usize>(a) + at, load<usize>(a, 4) + at, elements, load<u32>(a, 16), first + i, ctx, threshold, scale);
  }
}

// @ts-ignore: decorator
@inline
function fillRandom(kind: i32, a: usize): void {
  const samples = load<i32>(a, 4);
  const elements = load<i32>(a, 8);
  const ctx = load<usize>(a, 16);
  const first = load<u32>(ctx, positionAt) + load<u32>(a, 20);
  for (let i = 0; i < samples; i++) {
    const at = <usize>i * <usize>elements << 2;
    sample(kind, load<usize>(a) + at, 0, elements, load<u32>(a, 12), first + i, ctx, c(15), c(15));
  }
}

export function randomUniform(a: usize): void {
  fillRandom(1, a);
}

export function randomNormal(a: usize): void {
  fillRandom(2, a);
}
