import { loadSome, storeSome } from './lanes';

/** Rounding to bfloat16 (the upper half of an f32): to nearest, ties to even. What is rounded stays an f32 whose lower half is zero. */
const constants: usize = memory.data<u32>([1, 0x7fff, 0x400000, 0xffff0000], 16);

// @ts-ignore: decorator
@inline
function constant(i: usize): v128 {
  return v128.load32_splat(constants + (i << 2));
}

/** An infinity stays one and a large number may become one; a NaN stays a NaN, made quiet so that its upper half says so. */
// @ts-ignore: decorator
@inline
function rounded(v: v128): v128 {
  const lowest = v128.and(i32x4.shr_u(v, 16), constant(0));
  const nearest = i32x4.add(i32x4.add(v, constant(1)), lowest);
  return v128.and(v128.bitselect(v128.or(v, constant(2)), nearest, f32x4.ne(v, v)), constant(3));
}

export function roundBf16(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const z0 = rounded(x0);
    const z1 = rounded(x1);
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    x += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, rounded(loadSome(x, left)), left);
    out += 16;
    x += 16;
  }
}

export function addIntoBf16(a: usize): void {
  let out = load<usize>(a);
  let p = load<usize>(a, 4);
  let q = load<usize>(a, 8);
  let n = load<i32>(a, 12);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    const y0 = v128.load(q);
    const y1 = v128.load(q, 16);
    const z0 = rounded(f32x4.add(x0, y0));
    const z1 = rounded(f32x4.add(x1, y1));
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    p += 32;
    q += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, rounded(f32x4.add(loadSome(p, left), loadSome(q, left))), left);
    out += 16;
    p += 16;
    q += 16;
  }
}
