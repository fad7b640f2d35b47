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

/** Largest of n >= 1 floats; a NaN may be passed over. */
export function rowMax(x: usize, n: i32): f32 {
  let best = f32x4.splat(-Infinity);
  let j = 0;
  for (; j + 4 <= n; j += 4) best = f32x4.pmax(best, v128.load(x + (<usize>j << 2)));
  let m = max4(best);
  for (; j < n; j++) {
    const v = load<f32>(x + (<usize>j << 2));
    if (m < v) m = v;
  }
  return m;
}

function max4(v: v128): f32 {
  let m = f32x4.extract_lane(v, 0);
  if (m < f32x4.extract_lane(v, 1)) m = f32x4.extract_lane(v, 1);
  if (m < f32x4.extract_lane(v, 2)) m = f32x4.extract_lane(v, 2);
  if (m < f32x4.extract_lane(v, 3)) m = f32x4.extract_lane(v, 3);
  return m;
}
