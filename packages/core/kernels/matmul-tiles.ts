/**
 * The inner tiles of matmul: `c[i, j] = s[i, j] + sum_k a[k, i] * b[k, j]`, k ascending, each product and each sum rounded by itself.
 * `a` is a packed panel (4 floats, one per row, for each k), `b` a packed panel of 16 columns, of which the tile takes its own. k is at least 1.
 * The sums start from the tile at `s` (zeros, or what earlier K blocks gave) and go to the tile at `c`; `sld` and `cld` are
 * their row pitches in bytes; `s` may be `c`.
 *
 * V8 fuses neighbouring vectors into 256-bit ones where it finds pairs of adjacent stores whose whole history is symmetric:
 * hence all loads first, the same operations for each vector, then all stores, and nothing between them.
 */

/** 4 rows by 16 columns: 8 accumulators of 256 bits when fused, the fastest shape there (16 of 128 bits would spill on x64). */
export function tile4x16(k: i32, a: usize, b: usize, s: usize, sld: usize, c: usize, cld: usize): void {
  const s1 = s + sld;
  const s2 = s1 + sld;
  const s3 = s2 + sld;
  let c00 = v128.load(s);
  let c01 = v128.load(s, 16);
  let c02 = v128.load(s, 32);
  let c03 = v128.load(s, 48);
  let c10 = v128.load(s1);
  let c11 = v128.load(s1, 16);
  let c12 = v128.load(s1, 32);
  let c13 = v128.load(s1, 48);
  let c20 = v128.load(s2);
  let c21 = v128.load(s2, 16);
  let c22 = v128.load(s2, 32);
  let c23 = v128.load(s2, 48);
  let c30 = v128.load(s3);
  let c31 = v128.load(s3, 16);
  let c32 = v128.load(s3, 32);
  let c33 = v128.load(s3, 48);
  // unrolled 4
  for (const end = a + (<usize>k << 4); a < end; ) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    const a0 = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(a0, b0));
    c01 = f32x4.add(c01, f32x4.mul(a0, b1));
    c02 = f32x4.add(c02, f32x4.mul(a0, b2));
    c03 = f32x4.add(c03, f32x4.mul(a0, b3));
    const a1 = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(a1, b0));
    c11 = f32x4.add(c11, f32x4.mul(a1, b1));
    c12 = f32x4.add(c12, f32x4.mul(a1, b2));
    c13 = f32x4.add(c13, f32x4.mul(a1, b3));
    const a2 = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(a2, b0));
    c21 = f32x4.add(c21, f32x4.mul(a2, b1));
    c22 = f32x4.add(c22, f32x4.mul(a2, b2));
    c23 = f32x4.add(c23, f32x4.mul(a2, b3));
    const a3 = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(a3, b0));
    c31 = f32x4.add(c31, f32x4.mul(a3, b1));
    c32 = f32x4.add(c32, f32x4.mul(a3, b2));
    c33 = f32x4.add(c33, f32x4.mul(a3, b3));
    a += 16;
    b += 64;
  }
  const d1 = c + cld;
  const d2 = d1 + cld;
  const d3 = d2 + cld;
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


/** 4 rows by 8 columns: 8 accumulators of 128 bits, the fastest shape on x64 without fusing. Gives the same bits. */
export function tile4x8(k: i32, a: usize, b: usize, s: usize, sld: usize, c: usize, cld: usize): void {
  const s1 = s + sld;
  const s2 = s1 + sld;
  const s3 = s2 + sld;
  let c00 = v128.load(s);
  let c01 = v128.load(s, 16);
  let c10 = v128.load(s1);
  let c11 = v128.load(s1, 16);
  let c20 = v128.load(s2);
  let c21 = v128.load(s2, 16);
  let c30 = v128.load(s3);
  let c31 = v128.load(s3, 16);
  for (const end = a + (<usize>k << 4); a < end; ) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(a0, b0));
    c01 = f32x4.add(c01, f32x4.mul(a0, b1));
    const a1 = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(a1, b0));
    c11 = f32x4.add(c11, f32x4.mul(a1, b1));
    const a2 = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(a2, b0));
    c21 = f32x4.add(c21, f32x4.mul(a2, b1));
    const a3 = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(a3, b0));
    c31 = f32x4.add(c31, f32x4.mul(a3, b1));
    a += 16;
    b += 64;
  }
  const d1 = c + cld;
  const d2 = d1 + cld;
  const d3 = d2 + cld;
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(d1, c10);
  v128.store(d1, c11, 16);
  v128.store(d2, c20);
  v128.store(d2, c21, 16);
  v128.store(d3, c30);
  v128.store(d3, c31, 16);
}
