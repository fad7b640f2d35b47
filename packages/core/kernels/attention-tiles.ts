import { isNarrow } from './matmul';

/**
 * The products of attention, as tiles of 4 rows by 16 columns with left-hand sides read where they lie: sums over k ascending, each product and
 * each sum rounded by itself, as in matmul-tiles.ts, whose notes on what V8 widens hold here too. Pitches and steps are in bytes.
 */

/** c = a b: `a` are 4 rows of k floats. */
export function rowsTile(k: i32, a: usize, pitch: usize, b: usize, bld: usize, c: usize, cld: usize): void {
  if (isNarrow()) {
    sums4x8(1, 0, k, a, pitch, 4, b, bld, c, cld, true);
    sums4x8(1, 0, k, a, pitch, 4, b + 32, bld, c + 32, cld, true);
  } else if (pitch == 128) {
    sums4x16(1, 0, k, a, 128, 4, b, bld, c, cld, true);
  } else if (pitch == 256) {
    sums4x16(1, 0, k, a, 256, 4, b, bld, c, cld, true);
  } else {
    sums4x16(1, 0, k, a, pitch, 4, b, bld, c, cld, true);
  }
}

/** c = a^T b: `a` are k rows of a strip, of which 4 columns count, `b` k rows of 16. */
export function columnsTile(k: i32, a: usize, b: usize, bld: usize, c: usize, cld: usize): void {
  if (isNarrow()) {
    sums4x8(1, 0, k, a, 4, 64, b, bld, c, cld, true);
    sums4x8(1, 0, k, a, 4, 64, b + 32, bld, c + 32, cld, true);
  } else {
    sums4x16(1, 0, k, a, 4, 64, b, bld, c, cld, true);
  }
}

/** c += a b, where `a` are 4 rows of 16 floats in each of several strips, `next` bytes apart; of the last strip `count` columns. */
export function stripsTile(strips: i32, next: usize, count: i32, a: usize, b: usize, bld: usize, c: usize, cld: usize): void {
  if (isNarrow()) {
    sums4x8(strips, next, count, a, 64, 4, b, bld, c, cld, false);
    sums4x8(strips, next, count, a, 64, 4, b + 32, bld, c + 32, cld, false);
  } else {
    sums4x16(strips, next, count, a, 64, 4, b, bld, c, cld, false);
  }
}

// A pitch that is a constant is an offset within the instruction: one of 28 fewer for each row.

// @ts-ignore: decorator
@inline
function row1(p: usize, pitch: usize): v128 {
  if (pitch == 4) return v128.load32_splat(p, 4);
  if (pitch == 64) return v128.load32_splat(p, 64);
  if (pitch == 128) return v128.load32_splat(p, 128);
  if (pitch == 256) return v128.load32_splat(p, 256);
  return v128.load32_splat(p + pitch);
}

// @ts-ignore: decorator
@inline
function row2(p: usize, pitch: usize): v128 {
  if (pitch == 4) return v128.load32_splat(p, 8);
  if (pitch == 64) return v128.load32_splat(p, 128);
  if (pitch == 128) return v128.load32_splat(p, 256);
  if (pitch == 256) return v128.load32_splat(p, 512);
  return v128.load32_splat(p + pitch * 2);
}

// @ts-ignore: decorator
@inline
function row3(p: usize, pitch: usize): v128 {
  if (pitch == 4) return v128.load32_splat(p, 12);
  if (pitch == 64) return v128.load32_splat(p, 192);
  if (pitch == 128) return v128.load32_splat(p, 384);
  if (pitch == 256) return v128.load32_splat(p, 768);
  return v128.load32_splat(p + pitch * 3);
}

/** `parts` stretches of K, `next` bytes apart in `a`, 16 long but for the last, which is `k` long. `fresh`: from zeros, not from c. */
// @ts-ignore: decorator
@inline
function sums4x16(
  parts: i32, next: usize, k: i32, a: usize, row: usize, step: usize, b: usize, bld: usize, c: usize, cld: usize, fresh: bool,
): void {
  const d1 = c + cld;
  const d2 = d1 + cld;
  const d3 = d2 + cld;
  let c00 = fresh ? f32x4.splat(0) : v128.load(c);
  let c01 = fresh ? f32x4.splat(0) : v128.load(c, 16);
  let c02 = fresh ? f32x4.splat(0) : v128.load(c, 32);
  let c03 = fresh ? f32x4.splat(0) : v128.load(c, 48);
  let c10 = fresh ? f32x4.splat(0) : v128.load(d1);
  let c11 = fresh ? f32x4.splat(0) : v128.load(d1, 16);
  let c12 = fresh ? f32x4.splat(0) : v128.load(d1, 32);
  let c13 = fresh ? f32x4.splat(0) : v128.load(d1, 48);
  let c20 = fresh ? f32x4.splat(0) : v128.load(d2);
  let c21 = fresh ? f32x4.splat(0) : v128.load(d2, 16);
  let c22 = fresh ? f32x4.splat(0) : v128.load(d2, 32);
  let c23 = fresh ? f32x4.splat(0) : v128.load(d2, 48);
  let c30 = fresh ? f32x4.splat(0) : v128.load(d3);
  let c31 = fresh ? f32x4.splat(0) : v128.load(d3, 16);
  let c32 = fresh ? f32x4.splat(0) : v128.load(d3, 32);
  let c33 = fresh ? f32x4.splat(0) : v128.load(d3, 48);
  for (; parts > 0; parts--) {
    const length = parts == 1 ? k : 16;
    let p = a;
    for (const end = p + <usize>length * step; p < end; ) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(b, 32);
      const b3 = v128.load(b, 48);
      const a0 = v128.load32_splat(p);
      c00 = f32x4.add(c00, f32x4.mul(a0, b0));
      c01 = f32x4.add(c01, f32x4.mul(a0, b1));
      c02 = f32x4.add(c02, f32x4.mul(a0, b2));
      c03 = f32x4.add(c03, f32x4.mul(a0, b3));
      const a1 = row1(p, row);
      c10 = f32x4.add(c10, f32x4.mul(a1, b0));
      c11 = f32x4.add(c11, f32x4.mul(a1, b1));
      c12 = f32x4.add(c12, f32x4.mul(a1, b2));
      c13 = f32x4.add(c13, f32x4.mul(a1, b3));
      const a2 = row2(p, row);
      c20 = f32x4.add(c20, f32x4.mul(a2, b0));
      c21 = f32x4.add(c21, f32x4.mul(a2, b1));
      c22 = f32x4.add(c22, f32x4.mul(a2, b2));
      c23 = f32x4.add(c23, f32x4.mul(a2, b3));
      const a3 = row3(p, row);
      c30 = f32x4.add(c30, f32x4.mul(a3, b0));
      c31 = f32x4.add(c31, f32x4.mul(a3, b1));
      c32 = f32x4.add(c32, f32x4.mul(a3, b2));
      c33 = f32x4.add(c33, f32x4.mul(a3, b3));
      p += step;
      b += bld;
    }
    a += next;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
  v128.store(d1, c10);
  v128.store(d1, c11, 16);
  v128.store(d1, c12, 32);
  v128.store(d1, c13, 48);
  v128.store(d2, c20);
  v128.store(d2, c21, 16);
  v128.store(d2, c22, 32);
  v128.store(d2, c23, 48);
  v128.store(d3, c30);
  v128.store(d3, c31, 16);
  v128.store(d3, c32, 32);
  v128.store(d3, c33, 48);
}

/** As `sums4x16`, 8 columns: what 16 registers of 128 bits hold. */
// @ts-ignore: decorator
@inline
function sums4x8(
  parts: i32, next: usize, k: i32, a: usize, row: usize, step: usize, b: usize, bld: usize, c: usize, cld: usize, fresh: bool,
): void {
  const d1 = c + cld;
  const d2 = d1 + cld;
  const d3 = d2 + cld;
  let c00 = fresh ? f32x4.splat(0) : v128.load(c);
  let c01 = fresh ? f32x4.splat(0) : v128.load(c, 16);
  let c10 = fresh ? f32x4.splat(0) : v128.load(d1);
  let c11 = fresh ? f32x4.splat(0) : v128.load(d1, 16);
  let c20 = fresh ? f32x4.splat(0) : v128.load(d2);
  let c21 = fresh ? f32x4.splat(0) : v128.load(d2, 16);
  let c30 = fresh ? f32x4.splat(0) : v128.load(d3);
  let c31 = fresh ? f32x4.splat(0) : v128.load(d3, 16);
  for (; parts > 0; parts--) {
    const length = parts == 1 ? k : 16;
    let p = a;
    for (const end = p + <usize>length * step; p < end; ) {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const a0 = v128.load32_splat(p);
      c00 = f32x4.add(c00, f32x4.mul(a0, b0));
      c01 = f32x4.add(c01, f32x4.mul(a0, b1));
      const a1 = row1(p, row);
      c10 = f32x4.add(c10, f32x4.mul(a1, b0));
      c11 = f32x4.add(c11, f32x4.mul(a1, b1));
      const a2 = row2(p, row);
      c20 = f32x4.add(c20, f32x4.mul(a2, b0));
      c21 = f32x4.add(c21, f32x4.mul(a2, b1));
      const a3 = row3(p, row);
      c30 = f32x4.add(c30, f32x4.mul(a3, b0));
      c31 = f32x4.add(c31, f32x4.mul(a3, b1));
      p += step;
      b += bld;
    }
    a += next;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(d1, c10);
  v128.store(d1, c11, 16);
  v128.store(d2, c20);
  v128.store(d2, c21, 16);
  v128.store(d3, c30);
  v128.store(d3, c31, 16);
}
