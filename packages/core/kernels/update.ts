import { loadSome, storeSome } from './lanes';

export function addInto(a: usize): void {
  let out = load<usize>(a);
  let p = load<usize>(a, 4);
  let q = load<usize>(a, 8);
  let n = load<i32>(a, 12);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    const y0 = v128.load(q);
    const y1 = v128.load(q, 16);
    const z0 = f32x4.add(x0, y0);
    const z1 = f32x4.add(x1, y1);
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    p += 32;
    q += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.add(loadSome(p, left), loadSome(q, left)), left);
    out += 16;
    p += 16;
    q += 16;
  }
}

/** Sum of squares in double precision per block of 4096: finite exactly when every element is. */
export function blockSumSquares(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  for (let n = load<i32>(a, 8); n > 0; n -= 4096) {
    const end = min(n, 4096);
    let s0 = f64x2.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let p = x;
    let left = end;
    // 8 floats a turn, whole vectors first: choosing how much to load would cost more than the sum
    for (; left >= 8; left -= 8) {
      const v = v128.load(p);
      const w = v128.load(p, 16);
      const d0 = f64x2.promote_low_f32x4(v);
      const d1 = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
      const d2 = f64x2.promote_low_f32x4(w);
      const d3 = f64x2.promote_low_f32x4(v128.shuffle<f32>(w, w, 2, 3, 2, 3));
      s0 = f64x2.add(s0, f64x2.mul(d0, d0));
      s1 = f64x2.add(s1, f64x2.mul(d1, d1));
      s2 = f64x2.add(s2, f64x2.mul(d2, d2));
      s3 = f64x2.add(s3, f64x2.mul(d3, d3));
      p += 32;
    }
    if (left > 0) {
      const v = loadSome(p, min(left, 4));
      const w = left > 4 ? loadSome(p + 16, left - 4) : f32x4.splat(0);
      const d0 = f64x2.promote_low_f32x4(v);
      const d1 = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
      const d2 = f64x2.promote_low_f32x4(w);
      const d3 = f64x2.promote_low_f32x4(v128.shuffle<f32>(w, w, 2, 3, 2, 3));
      s0 = f64x2.add(s0, f64x2.mul(d0, d0));
      s1 = f64x2.add(s1, f64x2.mul(d1, d1));
      s2 = f64x2.add(s2, f64x2.mul(d2, d2));
      s3 = f64x2.add(s3, f64x2.mul(d3, d3));
    }
    const first = f64x2.add(s0, s2);
    const second = f64x2.add(s1, s3);
    const even = f64x2.extract_lane(first, 0) + f64x2.extract_lane(second, 0);
    const odd = f64x2.extract_lane(first, 1) + f64x2.extract_lane(second, 1);
    store<f64>(out, even + odd);
    out += 8;
    x += 16384;
  }
}
