import { isNarrow } from './matmul';

/**
 * The products of Winograd's convolution at one of its 36 points: many rows of a short inner dimension, so the loop over rows lies inside. Each
 * element is one sum in ascending order, each product and each sum rounded by itself.
 *
 * See matmul-tiles.ts for why all loads come first and all stores last.
 */

/**
 * c[i, j] = sum over k of a[i, k] b[k, j]: `groups` times 4 rows by 16 columns. `a` holds 8 k of 4 rows after another (128 bytes), `b` 64 bytes
 * for each k; rows of `c` are `pitch` bytes apart.
 */
// @ts-ignore: decorator
@inline
function products4x16(groups: i32, k: i32, a: usize, b: usize, c: usize, pitch: usize): void {
  for (; groups > 0; groups--) {
    let c00 = f32x4.splat(0);
    let c01 = f32x4.splat(0);
    let c02 = f32x4.splat(0);
    let c03 = f32x4.splat(0);
    let c10 = f32x4.splat(0);
    let c11 = f32x4.splat(0);
    let c12 = f32x4.splat(0);
    let c13 = f32x4.splat(0);
    let c20 = f32x4.splat(0);
    let c21 = f32x4.splat(0);
    let c22 = f32x4.splat(0);
    let c23 = f32x4.splat(0);
    let c30 = f32x4.splat(0);
    let c31 = f32x4.splat(0);
    let c32 = f32x4.splat(0);
    let c33 = f32x4.splat(0);
    let p = b;
    for (let left = k; left > 0; left -= 8) {
      const block = a;
      for (const end = a + (<usize>min(8, left) << 2); a < end; ) {
        const b0 = v128.load(p);
        const b1 = v128.load(p, 16);
        const b2 = v128.load(p, 32);
        const b3 = v128.load(p, 48);
        const x0 = v128.load32_splat(a);
        c00 = f32x4.add(c00, f32x4.mul(x0, b0));
        c01 = f32x4.add(c01, f32x4.mul(x0, b1));
        c02 = f32x4.add(c02, f32x4.mul(x0, b2));
        c03 = f32x4.add(c03, f32x4.mul(x0, b3));
        const x1 = v128.load32_splat(a, 32);
        c10 = f32x4.add(c10, f32x4.mul(x1, b0));
        c11 = f32x4.add(c11, f32x4.mul(x1, b1));
        c12 = f32x4.add(c12, f32x4.mul(x1, b2));
        c13 = f32x4.add(c13, f32x4.mul(x1, b3));
        const x2 = v128.load32_splat(a, 64);
        c20 = f32x4.add(c20, f32x4.mul(x2, b0));
        c21 = f32x4.add(c21, f32x4.mul(x2, b1));
        c22 = f32x4.add(c22, f32x4.mul(x2, b2));
        c23 = f32x4.add(c23, f32x4.mul(x2, b3));
        const x3 = v128.load32_splat(a, 96);
        c30 = f32x4.add(c30, f32x4.mul(x3, b0));
        c31 = f32x4.add(c31, f32x4.mul(x3, b1));
        c32 = f32x4.add(c32, f32x4.mul(x3, b2));
        c33 = f32x4.add(c33, f32x4.mul(x3, b3));
        a += 4;
        p += 64;
      }
      a = block + 128;
    }
    const d1 = c + pitch;
    const d2 = d1 + pitch;
    const d3 = d2 + pitch;
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
    c = d3 + pitch;
  }
}

/**
 * c[i, j] = sum over k of a[i, k] b[k, j]: `groups` times 4 rows by 8 columns. `a` holds 8 k of 4 rows after another (128 bytes), `b` 64 bytes
 * for each k; rows of `c` are `pitch` bytes apart.
 */
// @ts-ignore: decorator
@inline
function products4x8(groups: i32, k: i32, a: usize, b: usize, c: usize, pitch: usize): void {
  for (; groups > 0; groups--) {
    let c00 = f32x4.splat(0);
    let c01 = f32x4.splat(0);
    let c10 = f32x4.splat(0);
    let c11 = f32x4.splat(0);
    let c20 = f32x4.splat(0);
    let c21 = f32x4.splat(0);
    let c30 = f32x4.splat(0);
    let c31 = f32x4.splat(0);
    let p = b;
    for (let left = k; left > 0; left -= 8) {
      const block = a;
      for (const end = a + (<usize>min(8, left) << 2); a < end; ) {
        const b0 = v128.load(p);
        const b1 = v128.load(p, 16);
        const x0 = v128.load32_splat(a);
        c00 = f32x4.add(c00, f32x4.mul(x0, b0));
        c01 = f32x4.add(c01, f32x4.mul(x0, b1));
        const x1 = v128.load32_splat(a, 32);
        c10 = f32x4.add(c10, f32x4.mul(x1, b0));
        c11 = f32x4.add(c11, f32x4.mul(x1, b1));
        const x2 = v128.load32_splat(a, 64);
        c20 = f32x4.add(c20, f32x4.mul(x2, b0));
        c21 = f32x4.add(c21, f32x4.mul(x2, b1));
        const x3 = v128.load32_splat(a, 96);
        c30 = f32x4.add(c30, f32x4.mul(x3, b0));
        c31 = f32x4.add(c31, f32x4.mul(x3, b1));
        a += 4;
        p += 64;
      }
      a = block + 128;
    }
    const d1 = c + pitch;
    const d2 = d1 + pitch;
    const d3 = d2 + pitch;
    v128.store(c, c00);
    v128.store(c, c01, 16);
    v128.store(d1, c10);
    v128.store(d1, c11, 16);
    v128.store(d2, c20);
    v128.store(d2, c21, 16);
    v128.store(d3, c30);
    v128.store(d3, c31, 16);
    c = d3 + pitch;
  }
}

/** c[i, j] += sum over t of a[t, i] b[t, j]: 4 by 16, rows of `c` 64 bytes apart, those of `a` and `b` as said. */
// @ts-ignore: decorator
@inline
function sums4x16(count: i32, a: usize, aRow: usize, b: usize, bRow: usize, c: usize): void {
  let c00 = v128.load(c);
  let c01 = v128.load(c, 16);
  let c02 = v128.load(c, 32);
  let c03 = v128.load(c, 48);
  let c10 = v128.load(c, 64);
  let c11 = v128.load(c, 80);
  let c12 = v128.load(c, 96);
  let c13 = v128.load(c, 112);
  let c20 = v128.load(c, 128);
  let c21 = v128.load(c, 144);
  let c22 = v128.load(c, 160);
  let c23 = v128.load(c, 176);
  let c30 = v128.load(c, 192);
  let c31 = v128.load(c, 208);
  let c32 = v128.load(c, 224);
  let c33 = v128.load(c, 240);
  for (; count > 0; count--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    const x0 = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(x0, b0));
    c01 = f32x4.add(c01, f32x4.mul(x0, b1));
    c02 = f32x4.add(c02, f32x4.mul(x0, b2));
    c03 = f32x4.add(c03, f32x4.mul(x0, b3));
    const x1 = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(x1, b0));
    c11 = f32x4.add(c11, f32x4.mul(x1, b1));
    c12 = f32x4.add(c12, f32x4.mul(x1, b2));
    c13 = f32x4.add(c13, f32x4.mul(x1, b3));
    const x2 = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(x2, b0));
    c21 = f32x4.add(c21, f32x4.mul(x2, b1));
    c22 = f32x4.add(c22, f32x4.mul(x2, b2));
    c23 = f32x4.add(c23, f32x4.mul(x2, b3));
    const x3 = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(x3, b0));
    c31 = f32x4.add(c31, f32x4.mul(x3, b1));
    c32 = f32x4.add(c32, f32x4.mul(x3, b2));
    c33 = f32x4.add(c33, f32x4.mul(x3, b3));
    a += aRow;
    b += bRow;
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

/** c[i, j] += sum over t of a[t, i] b[t, j]: 4 by 8, rows of `c` 64 bytes apart, those of `a` and `b` as said. */
// @ts-ignore: decorator
@inline
function sums4x8(count: i32, a: usize, aRow: usize, b: usize, bRow: usize, c: usize): void {
  let c00 = v128.load(c);
  let c01 = v128.load(c, 16);
  let c10 = v128.load(c, 64);
  let c11 = v128.load(c, 80);
  let c20 = v128.load(c, 128);
  let c21 = v128.load(c, 144);
  let c30 = v128.load(c, 192);
  let c31 = v128.load(c, 208);
  for (; count > 0; count--) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(x0, b0));
    c01 = f32x4.add(c01, f32x4.mul(x0, b1));
    const x1 = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(x1, b0));
    c11 = f32x4.add(c11, f32x4.mul(x1, b1));
    const x2 = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(x2, b0));
    c21 = f32x4.add(c21, f32x4.mul(x2, b1));
    const x3 = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(x3, b0));
    c31 = f32x4.add(c31, f32x4.mul(x3, b1));
    a += aRow;
    b += bRow;
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

/** 16 columns, in the shape of tile that is faster here. */
export function pointProducts(groups: i32, k: i32, a: usize, b: usize, c: usize, pitch: usize): void {
  if (isNarrow()) {
    products4x8(groups, k, a, b, c, pitch);
    products4x8(groups, k, a, b + 32, c + 32, pitch);
  } else products4x16(groups, k, a, b, c, pitch);
}

export function pointSums(count: i32, a: usize, aRow: usize, b: usize, bRow: usize, c: usize): void {
  if (isNarrow()) {
    sums4x8(count, a, aRow, b, bRow, c);
    sums4x8(count, a, aRow, b + 32, bRow, c + 32);
  } else sums4x16(count, a, aRow, b, bRow, c);
}
