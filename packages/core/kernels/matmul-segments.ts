/**
 * Some of the segments of K for a 4 x 16 tile, those from `first` to before `last` of `nseg`, with panels of A and B that begin there: each
 * one's sum grows in registers from its first product and is joined, as right operand, with the finished sums below it on the tile's stack,
 * from the nearest down, which gets the sum. After the last one of all, the tile at the bottom holds the sum; it is -0, not +0, where every
 * product is -0, until +0 is added to it.
 *
 * @param c the stack, of which `top` tiles are finished sums
 */
export function segments4x16(seg: usize, first: i32, last: i32, nseg: i32, a: usize, b: usize, c: usize, top: i32): void {
  c += <usize>top << 8;
  for (let s = first; s < last; ) {
    const bounds = seg + (<usize>s << 2);
    const end = a + (<usize>(load<i32>(bounds, 4) - load<i32>(bounds)) << 4);
    const p0 = v128.load(b);
    const p1 = v128.load(b, 16);
    const p2 = v128.load(b, 32);
    const p3 = v128.load(b, 48);
    const q0 = v128.load32_splat(a);
    let c00 = f32x4.mul(q0, p0);
    let c01 = f32x4.mul(q0, p1);
    let c02 = f32x4.mul(q0, p2);
    let c03 = f32x4.mul(q0, p3);
    const q1 = v128.load32_splat(a, 4);
    let c10 = f32x4.mul(q1, p0);
    let c11 = f32x4.mul(q1, p1);
    let c12 = f32x4.mul(q1, p2);
    let c13 = f32x4.mul(q1, p3);
    const q2 = v128.load32_splat(a, 8);
    let c20 = f32x4.mul(q2, p0);
    let c21 = f32x4.mul(q2, p1);
    let c22 = f32x4.mul(q2, p2);
    let c23 = f32x4.mul(q2, p3);
    const q3 = v128.load32_splat(a, 12);
    let c30 = f32x4.mul(q3, p0);
    let c31 = f32x4.mul(q3, p1);
    let c32 = f32x4.mul(q3, p2);
    let c33 = f32x4.mul(q3, p3);
    a += 16;
    b += 64;
    // unrolled 4
    while (a < end) {
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
    s++;
    let joins = s == nseg ? top : <i32>ctz(s);
    top += 1 - joins;
    for (; joins > 0; joins--) {
      c -= 256;
      c00 = f32x4.add(v128.load(c), c00);
      c01 = f32x4.add(v128.load(c, 16), c01);
      c02 = f32x4.add(v128.load(c, 32), c02);
      c03 = f32x4.add(v128.load(c, 48), c03);
      c10 = f32x4.add(v128.load(c, 64), c10);
      c11 = f32x4.add(v128.load(c, 80), c11);
      c12 = f32x4.add(v128.load(c, 96), c12);
      c13 = f32x4.add(v128.load(c, 112), c13);
      c20 = f32x4.add(v128.load(c, 128), c20);
      c21 = f32x4.add(v128.load(c, 144), c21);
      c22 = f32x4.add(v128.load(c, 160), c22);
      c23 = f32x4.add(v128.load(c, 176), c23);
      c30 = f32x4.add(v128.load(c, 192), c30);
      c31 = f32x4.add(v128.load(c, 208), c31);
      c32 = f32x4.add(v128.load(c, 224), c32);
      c33 = f32x4.add(v128.load(c, 240), c33);
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
    c += 256;
  }
}
