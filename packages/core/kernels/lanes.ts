/** Partial vectors: lanes beyond `count` (1 to 3) are zero when loaded and left alone when stored, so nobody's memory is touched. */

// @ts-ignore: decorator
@inline
export function loadLanes(p: usize, count: i32): v128 {
  let v = v128.load32_zero(p);
  if (count > 1) v = v128.load_lane<f32>(p + 4, v, 1);
  if (count > 2) v = v128.load_lane<f32>(p + 8, v, 2);
  return v;
}

// @ts-ignore: decorator
@inline
export function storeLanes(p: usize, v: v128, count: i32): void {
  v128.store_lane<f32>(p, v, 0);
  if (count > 1) v128.store_lane<f32>(p + 4, v, 1);
  if (count > 2) v128.store_lane<f32>(p + 8, v, 2);
}

/** 1 to 4 lanes. */
// @ts-ignore: decorator
@inline
export function loadSome(p: usize, count: i32): v128 {
  return count == 4 ? v128.load(p) : loadLanes(p, count);
}

// @ts-ignore: decorator
@inline
export function storeSome(p: usize, v: v128, count: i32): void {
  if (count == 4) v128.store(p, v);
  else storeLanes(p, v, count);
}

/** The first `count` lanes (1 to 4), the others zero. */
// @ts-ignore: decorator
@inline
export function keep(v: v128, count: i32): v128 {
  return v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/** ((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7)) for lanes 0-3 in `low`, 4-7 in `high`. */
// @ts-ignore: decorator
@inline
export function joinLanes(low: v128, high: v128): f32 {
  const s = f32x4.add(low, high);
  return f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 2) + (f32x4.extract_lane(s, 1) + f32x4.extract_lane(s, 3));
}

/** Sum of n floats: element j adds to lane j mod 8, ascending. */
export function rowSum(x: usize, n: i32): f32 {
  let low = f32x4.splat(0);
  let high = f32x4.splat(0);
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    const p = x + (<usize>j << 2);
    low = f32x4.add(low, v128.load(p));
    high = f32x4.add(high, v128.load(p, 16));
  }
  const rest = n - j;
  const p = x + (<usize>j << 2);
  if (rest >= 4) {
    low = f32x4.add(low, v128.load(p));
    if (rest > 4) high = f32x4.add(high, loadLanes(p + 16, rest - 4));
  } else if (rest > 0) {
    low = f32x4.add(low, loadLanes(p, rest));
  }
  return joinLanes(low, high);
}

/** Largest of n floats, -Infinity of none; a NaN may be passed over. */
export function rowMax(x: usize, n: i32): f32 {
  let best = f32x4.splat(-Infinity);
  let other = best;
  for (; n >= 8; n -= 8) {
    best = f32x4.pmax(best, v128.load(x));
    other = f32x4.pmax(other, v128.load(x, 16));
    x += 32;
  }
  best = f32x4.pmax(best, other);
  let m = f32x4.extract_lane(best, 0);
  m = larger(m, f32x4.extract_lane(best, 1));
  m = larger(m, f32x4.extract_lane(best, 2));
  m = larger(m, f32x4.extract_lane(best, 3));
  for (; n > 0; n--) {
    m = larger(m, load<f32>(x));
    x += 4;
  }
  return m;
}

/** Smallest of n floats; a NaN may be passed over. */
export function rowMin(x: usize, n: i32): f32 {
  let m: f32 = Infinity;
  for (; n > 0; n--) {
    const v = load<f32>(x);
    if (v < m) m = v;
    x += 4;
  }
  return m;
}

// @ts-ignore: decorator
@inline
function larger(a: f32, b: f32): f32 {
  return a < b ? b : a;
}
