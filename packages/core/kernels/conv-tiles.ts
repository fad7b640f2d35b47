import { isNarrow } from './matmul';

/**
 * The inner tiles of convolution: `c[i, j] = s[i, j] + sum_t a_i[t] * b[t, j]`, t ascending, each product and each sum rounded by
 * itself. `a_i[t]` is the float at `a_i` + offset t of a table (bytes, u32): an image is read where it lies, by positions and taps. `b` has
 * 16 floats for each t, 64 bytes apart; the tiles at `s` and `c` have rows of 64 bytes.
 *
 * See matmul-tiles.ts for why all loads come first and all stores last.
 */

/** 4 by 16. */
function tile4x16(n: i32, table: usize, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, s: usize, c: usize): void {
  let c00 = v128.load(s);
  let c01 = v128.load(s, 16);
  let c02 = v128.load(s, 32);
  let c03 = v128.load(s, 48);
  let c10 = v128.load(s, 64);
  let c11 = v128.load(s, 80);
  let c12 = v128.load(s, 96);
  let c13 = v128.load(s, 112);
  let c20 = v128.load(s, 128);
  let c21 = v128.load(s, 144);
  let c22 = v128.load(s, 160);
  let c23 = v128.load(s, 176);
  let c30 = v128.load(s, 192);
  let c31 = v128.load(s, 208);
  let c32 = v128.load(s, 224);
  let c33 = v128.load(s, 240);
  for (const end = table + (<usize>n << 2); table < end; ) {
    const at = load<usize>(table);
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    const x0 = v128.load32_splat(a0 + at);
    c00 = f32x4.add(c00, f32x4.mul(x0, b0));
    c01 = f32x4.add(c01, f32x4.mul(x0, b1));
    c02 = f32x4.add(c02, f32x4.mul(x0, b2));
    c03 = f32x4.add(c03, f32x4.mul(x0, b3));
    const x1 = v128.load32_splat(a1 + at);
    c10 = f32x4.add(c10, f32x4.mul(x1, b0));
    c11 = f32x4.add(c11, f32x4.mul(x1, b1));
    c12 = f32x4.add(c12, f32x4.mul(x1, b2));
    c13 = f32x4.add(c13, f32x4.mul(x1, b3));
    const x2 = v128.load32_splat(a2 + at);
    c20 = f32x4.add(c20, f32x4.mul(x2, b0));
    c21 = f32x4.add(c21, f32x4.mul(x2, b1));
    c22 = f32x4.add(c22, f32x4.mul(x2, b2));
    c23 = f32x4.add(c23, f32x4.mul(x2, b3));
    const x3 = v128.load32_splat(a3 + at);
    c30 = f32x4.add(c30, f32x4.mul(x3, b0));
    c31 = f32x4.add(c31, f32x4.mul(x3, b1));
    c32 = f32x4.add(c32, f32x4.mul(x3, b2));
    c33 = f32x4.add(c33, f32x4.mul(x3, b3));
    table += 4;
    b += 64;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
  v128.store(c, c10, 64);
  v128.store(c, c11, 80);
  v128.store(c, c12, 96);
  v128.store(c, c13, 112);
  v128.store(c, c20, 128);
  v128.store(c, c21, 144);
  v128.store(c, c22, 160);
  v128.store(c, c23, 176);
  v128.store(c, c30, 192);
  v128.store(c, c31, 208);
  v128.store(c, c32, 224);
  v128.store(c, c33, 240);
}

/** 4 by 8: where vectors are not fused, and for 8 columns or fewer. Gives the same bits. */
function tile4x8(n: i32, table: usize, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, s: usize, c: usize): void {
  let c00 = v128.load(s);
  let c01 = v128.load(s, 16);
  let c10 = v128.load(s, 64);
  let c11 = v128.load(s, 80);
  let c20 = v128.load(s, 128);
  let c21 = v128.load(s, 144);
  let c30 = v128.load(s, 192);
  let c31 = v128.load(s, 208);
  for (const end = table + (<usize>n << 2); table < end; ) {
    const at = load<usize>(table);
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a0 + at);
    c00 = f32x4.add(c00, f32x4.mul(x0, b0));
    c01 = f32x4.add(c01, f32x4.mul(x0, b1));
    const x1 = v128.load32_splat(a1 + at);
    c10 = f32x4.add(c10, f32x4.mul(x1, b0));
    c11 = f32x4.add(c11, f32x4.mul(x1, b1));
    const x2 = v128.load32_splat(a2 + at);
    c20 = f32x4.add(c20, f32x4.mul(x2, b0));
    c21 = f32x4.add(c21, f32x4.mul(x2, b1));
    const x3 = v128.load32_splat(a3 + at);
    c30 = f32x4.add(c30, f32x4.mul(x3, b0));
    c31 = f32x4.add(c31, f32x4.mul(x3, b1));
    table += 4;
    b += 64;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, 64);
  v128.store(c, c11, 80);
  v128.store(c, c20, 128);
  v128.store(c, c21, 144);
  v128.store(c, c30, 192);
  v128.store(c, c31, 208);
}

/** The tile's first `columns` columns (1 to 16); the others may hold anything. */
export function gatherTile(
  n: i32, table: usize, a0: usize, a1: usize, a2: usize, a3: usize, b: usize, s: usize, c: usize, columns: i32,
): void {
  if (columns > 8) {
    if (!isNarrow()) {
      tile4x16(n, table, a0, a1, a2, a3, b, s, c);
      return;
    }
    tile4x8(n, table, a0, a1, a2, a3, b + 32, s + 32, c + 32);
  }
  tile4x8(n, table, a0, a1, a2, a3, b, s, c);
}
