import { positionAt } from './context';
import { log4, sinCos4 } from './vector-math';

/** Philox4x32-10 (Salmon et al. 2011): four u32 of one counter, as lanes. */
function philox(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): v128 {
  for (let round = 0; round < 10; round++) {
    const p0 = <u64>0xd2511f53 * <u64>c0;
    const p1 = <u64>0xcd9e8d57 * <u64>c2;
    c0 = <u32>(p1 >> 32) ^ c1 ^ k0;
    c1 = <u32>p1;
    c2 = <u32>(p0 >> 32) ^ c3 ^ k1;
    c3 = <u32>p0;
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  let v = i32x4.splat(c0);
  v = i32x4.replace_lane(v, 1, c1);
  v = i32x4.replace_lane(v, 2, c2);
  return i32x4.replace_lane(v, 3, c3);
}

export function dropout(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const samples = load<i32>(a, 8);
  const elements = load<i32>(a, 12);
  const id = load<u32>(a, 16);
  const p = load<f32>(a, 20);
  const ctx = load<usize>(a, 24);
  const first = load<u32>(ctx, positionAt) + load<u32>(a, 28);
  const threshold = i32x4.splat(<u32>Math.floor(<f64>p * 4294967296.0));
  const scale = f32x4.splat(<f32>(1.0 / (1.0 - <f64>p)));
  for (let i = 0; i < samples; i++) {
    for (let e = 0; e < elements; e += 4) {
      const words = philox(e >> 2, id, first + i, 0, load<u32>(ctx), load<u32>(ctx, 4));
      const kept = i32x4.ge_u(words, threshold);
      const left = min(elements - e, 4);
      if (left == 4) {
        v128.store(out, v128.and(f32x4.mul(v128.load(x), scale), kept));
      } else {
        store<f32>(out, i32x4.extract_lane(kept, 0) ? load<f32>(x) * f32x4.extract_lane(scale, 0) : 0);
        if (left > 1) store<f32>(out + 4, i32x4.extract_lane(kept, 1) ? load<f32>(x + 4) * f32x4.extract_lane(scale, 0) : 0);
        if (left > 2) store<f32>(out + 8, i32x4.extract_lane(kept, 2) ? load<f32>(x + 8) * f32x4.extract_lane(scale, 0) : 0);
      }
      out += <usize>left << 2;
      x += <usize>left << 2;
    }
  }
}

// @ts-ignore: decorator
@inline
function unit(words: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_u(i32x4.shr_u(words, 8)), f32x4.splat(5.9604644775390625e-8));
}

/** Box-Muller: lanes 0, 1 from words 0, 1 and lanes 2, 3 from words 2, 3. */
function normals(words: v128): v128 {
  const u = unit(words);
  const u1 = f32x4.add(v128.shuffle<f32>(u, u, 0, 0, 2, 2), f32x4.splat(5.9604644775390625e-8));
  const angle = f32x4.mul(v128.shuffle<f32>(u, u, 1, 1, 3, 3), f32x4.splat(6.283185307179586));
  const radius = f32x4.sqrt(f32x4.mul(f32x4.splat(-2), log4(u1)));
  const even = i32x4(-1, 0, -1, 0);
  return f32x4.mul(radius, v128.bitselect(sinCos4(angle, 1), sinCos4(angle, 0), even));
}

// @ts-ignore: decorator
@inline
function fillRandom(a: usize, normal: bool): void {
  let out = load<usize>(a);
  const samples = load<i32>(a, 4);
  const elements = load<i32>(a, 8);
  const id = load<u32>(a, 12);
  const ctx = load<usize>(a, 16);
  const first = load<u32>(ctx, positionAt) + load<u32>(a, 20);
  for (let i = 0; i < samples; i++) {
    for (let e = 0; e < elements; e += 4) {
      const words = philox(e >> 2, id, first + i, 0, load<u32>(ctx), load<u32>(ctx, 4));
      const v = normal ? normals(words) : unit(words);
      const left = min(elements - e, 4);
      v128.store_lane<f32>(out, v, 0);
      if (left > 1) v128.store_lane<f32>(out + 4, v, 1);
      if (left > 2) v128.store_lane<f32>(out + 8, v, 2);
      if (left > 3) v128.store_lane<f32>(out + 12, v, 3);
      out += <usize>left << 2;
    }
  }
}

export function randomUniform(a: usize): void {
  fillRandom(a, false);
}

export function randomNormal(a: usize): void {
  fillRandom(a, true);
}
