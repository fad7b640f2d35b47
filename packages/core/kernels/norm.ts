import { joinSegments, place } from './columns';
import { joinLanes, loadLanes, rowSum, storeLanes } from './lanes';

// @ts-ignore: decorator
@inline
function some(p: usize, count: i32): v128 {
  return count == 4 ? v128.load(p) : loadLanes(p, count);
}

// @ts-ignore: decorator
@inline
function put(p: usize, v: v128, count: i32): void {
  if (count == 4) v128.store(p, v);
  else storeLanes(p, v, count);
}

/** The first `count` lanes, the others zero. */
// @ts-ignore: decorator
@inline
function keep(v: v128, count: i32): v128 {
  return count == 4 ? v : v128.and(v, i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count)));
}

/** 1 / sqrt(variance + eps) of a row with that mean. */
function inverseDeviation(x: usize, n: i32, mean: f32, eps: f32): f32 {
  const m = f32x4.splat(mean);
  let low = f32x4.splat(0);
  let high = low;
  for (let j = 0; j < n; j += 4) {
    const left = min(n - j, 4);
    const d = keep(f32x4.sub(some(x + (<usize>j << 2), left), m), left);
    if (j & 4) high = f32x4.add(high, f32x4.mul(d, d));
    else low = f32x4.add(low, f32x4.mul(d, d));
  }
  return 1 / Mathf.sqrt(joinLanes(low, high) / <f32>n + eps);
}

export function layerNorm(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const b = load<usize>(a, 12);
  const rows = load<i32>(a, 16);
  const columns = load<i32>(a, 20);
  const eps = load<f32>(a, 24);
  for (let i = 0; i < rows; i++) {
    const row = <usize>i * <usize>columns << 2;
    const mean = rowSum(x + row, columns) / <f32>columns;
    const m = f32x4.splat(mean);
    const r = f32x4.splat(inverseDeviation(x + row, columns, mean, eps));
    for (let j = 0; j < columns; j += 4) {
      const left = min(columns - j, 4);
      const p = <usize>j << 2;
      let y = f32x4.mul(f32x4.sub(some(x + row + p, left), m), r);
      if (w) y = f32x4.mul(y, some(w + p, left));
      if (b) y = f32x4.add(y, some(b + p, left));
      put(out + row + p, y, left);
    }
  }
}

/** With h = g w and n = (x - mean) r: dx = r (h - mean(h) - n mean(h n)). */
export function layerNormGradInput(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const g = load<usize>(a, 12);
  const rows = load<i32>(a, 16);
  const columns = load<i32>(a, 20);
  const eps = load<f32>(a, 24);
  for (let i = 0; i < rows; i++) {
    const row = <usize>i * <usize>columns << 2;
    const mean = rowSum(x + row, columns) / <f32>columns;
    const inverse = inverseDeviation(x + row, columns, mean, eps);
    const m = f32x4.splat(mean);
    const r = f32x4.splat(inverse);
    let low = f32x4.splat(0);
    let high = low;
    let nLow = low;
    let nHigh = low;
    for (let j = 0; j < columns; j += 4) {
      const left = min(columns - j, 4);
      const p = <usize>j << 2;
      let h = some(g + row + p, left);
      if (w) h = f32x4.mul(h, some(w + p, left));
      const n = f32x4.mul(f32x4.sub(some(x + row + p, left), m), r);
      if (j & 4) {
        high = f32x4.add(high, h);
        nHigh = f32x4.add(nHigh, keep(f32x4.mul(h, n), left));
      } else {
        low = f32x4.add(low, h);
        nLow = f32x4.add(nLow, keep(f32x4.mul(h, n), left));
      }
    }
    const hMean = f32x4.splat(joinLanes(low, high) / <f32>columns);
    const nMean = f32x4.splat(joinLanes(nLow, nHigh) / <f32>columns);
    for (let j = 0; j < columns; j += 4) {
      const left = min(columns - j, 4);
      const p = <usize>j << 2;
      let h = some(g + row + p, left);
      if (w) h = f32x4.mul(h, some(w + p, left));
      const n = f32x4.mul(f32x4.sub(some(x + row + p, left), m), r);
      put(out + row + p, f32x4.mul(r, f32x4.sub(f32x4.sub(h, hMean), f32x4.mul(n, nMean))), left);
    }
  }
}

/** Sum over rows of g (x - mean) r, the segments apart and joined by the tree. */
export function layerNormGradWeight(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const seg = load<usize>(a, 12);
  const count = load<i32>(a, 16);
  const columns = load<i32>(a, 20);
  const eps = load<f32>(a, 24);
  const scratch = load<usize>(a, 28);
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const p = seg + (<usize>s << 2);
    const into = place(out, scratch, columns, depth);
    memory.fill(into, 0, <usize>columns << 2);
    for (let i = load<i32>(p); i < load<i32>(p, 4); i++) addWeightRow(into, x, g, i, columns, eps);
    depth = joinSegments(out, scratch, columns, depth, s, s + 1 == count);
  }
}

function addWeightRow(into: usize, x: usize, g: usize, i: i32, columns: i32, eps: f32): void {
  const row = <usize>i * <usize>columns << 2;
  const mean = rowSum(x + row, columns) / <f32>columns;
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverseDeviation(x + row, columns, mean, eps));
  for (let j = 0; j < columns; j += 4) {
    const left = min(columns - j, 4);
    const p = <usize>j << 2;
    const n = f32x4.mul(f32x4.sub(some(x + row + p, left), m), r);
    put(into + p, f32x4.add(some(into + p, left), f32x4.mul(some(g + row + p, left), n)), left);
  }
}
