import { joinLanes, keep, loadSome, rowSum, storeSome } from './lanes';
import { joinSegments, place } from './tree';

/** 1 / sqrt(variance + eps) of a row with that mean. */
function inverseDeviation(x: usize, n: i32, mean: f32, eps: f32): f32 {
  const m = f32x4.splat(mean);
  let low = f32x4.splat(0);
  let high = low;
  let left = n;
  for (; left >= 8; left -= 8) {
    const d0 = f32x4.sub(v128.load(x), m);
    const d1 = f32x4.sub(v128.load(x, 16), m);
    low = f32x4.add(low, f32x4.mul(d0, d0));
    high = f32x4.add(high, f32x4.mul(d1, d1));
    x += 32;
  }
  if (left > 0) {
    const d = keep(f32x4.sub(loadSome(x, min(left, 4)), m), left);
    low = f32x4.add(low, f32x4.mul(d, d));
  }
  if (left > 4) {
    const d = keep(f32x4.sub(loadSome(x + 16, left - 4), m), left - 4);
    high = f32x4.add(high, f32x4.mul(d, d));
  }
  return 1 / Mathf.sqrt(joinLanes(low, high) / <f32>n + eps);
}

/** (x - mean) r, times w, plus b, where `scaled` and `shifted` (constants: a loop is made for each) say that there are such. */
// @ts-ignore: decorator
@inline
function normRow(out: usize, x: usize, w: usize, b: usize, n: i32, mean: f32, inverse: f32, scaled: bool, shifted: bool): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const w0 = scaled ? v128.load(w) : r;
    const w1 = scaled ? v128.load(w, 16) : r;
    const b0 = shifted ? v128.load(b) : r;
    const b1 = shifted ? v128.load(b, 16) : r;
    let y0 = f32x4.mul(f32x4.sub(x0, m), r);
    let y1 = f32x4.mul(f32x4.sub(x1, m), r);
    if (scaled) y0 = f32x4.mul(y0, w0);
    if (scaled) y1 = f32x4.mul(y1, w1);
    if (shifted) y0 = f32x4.add(y0, b0);
    if (shifted) y1 = f32x4.add(y1, b1);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    x += 32;
    w += 32;
    b += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    let y = f32x4.mul(f32x4.sub(loadSome(x, left), m), r);
    if (scaled) y = f32x4.mul(y, loadSome(w, left));
    if (shifted) y = f32x4.add(y, loadSome(b, left));
    storeSome(out, y, left);
    out += 16;
    x += 16;
    w += 16;
    b += 16;
  }
}

export function layerNorm(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const b = load<usize>(a, 12);
  const columns = load<i32>(a, 20);
  const eps = load<f32>(a, 24);
  const row = <usize>columns << 2;
  for (let rows = load<i32>(a, 16); rows > 0; rows--) {
    const mean = rowSum(x, columns) / <f32>columns;
    const r = inverseDeviation(x, columns, mean, eps);
    if (w) {
      if (b) normRow(out, x, w, b, columns, mean, r, true, true);
      else normRow(out, x, w, b, columns, mean, r, true, false);
    } else {
      if (b) normRow(out, x, w, b, columns, mean, r, false, true);
      else normRow(out, x, w, b, columns, mean, r, false, false);
    }
    out += row;
    x += row;
  }
}

/** With h = g w and n = (x - mean) r: dx = r (h - mean(h) - n mean(h n)). */
export function layerNormGradInput(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  let g = load<usize>(a, 12);
  const columns = load<i32>(a, 20);
  const eps = load<f32>(a, 24);
  const row = <usize>columns << 2;
  for (let rows = load<i32>(a, 16); rows > 0; rows--) {
    const mean = rowSum(x, columns) / <f32>columns;
    const r = inverseDeviation(x, columns, mean, eps);
    if (w) gradRow(out, x, w, g, columns, mean, r, true);
    else gradRow(out, x, w, g, columns, mean, r, false);
    out += row;
    x += row;
    g += row;
  }
}

// @ts-ignore: decorator
@inline
function gradRow(out: usize, x: usize, w: usize, g: usize, columns: i32, mean: f32, inverse: f32, scaled: bool): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  let low = f32x4.splat(0);
  let high = low;
  let nLow = low;
  let nHigh = low;
  let j = 0;
  for (; j + 8 <= columns; j += 8) {
    const p = <usize>j << 2;
    let h0 = v128.load(g + p);
    let h1 = v128.load(g + p, 16);
    if (scaled) h0 = f32x4.mul(h0, v128.load(w + p));
    if (scaled) h1 = f32x4.mul(h1, v128.load(w + p, 16));
    low = f32x4.add(low, h0);
    high = f32x4.add(high, h1);
    nLow = f32x4.add(nLow, f32x4.mul(h0, f32x4.mul(f32x4.sub(v128.load(x + p), m), r)));
    nHigh = f32x4.add(nHigh, f32x4.mul(h1, f32x4.mul(f32x4.sub(v128.load(x + p, 16), m), r)));
  }
  for (let at = 0; j < columns; at++) {
    const left = min(columns - j, 4);
    const p = <usize>j << 2;
    let h = loadSome(g + p, left);
    if (scaled) h = f32x4.mul(h, loadSome(w + p, left));
    const hn = keep(f32x4.mul(h, f32x4.mul(f32x4.sub(loadSome(x + p, left), m), r)), left);
    if (at) {
      high = f32x4.add(high, h);
      nHigh = f32x4.add(nHigh, hn);
    } else {
      low = f32x4.add(low, h);
      nLow = f32x4.add(nLow, hn);
    }
    j += 4;
  }
  const hMean = f32x4.splat(joinLanes(low, high) / <f32>columns);
  const nMean = f32x4.splat(joinLanes(nLow, nHigh) / <f32>columns);
  for (j = 0; j + 8 <= columns; j += 8) {
    const p = <usize>j << 2;
    const x0 = v128.load(x + p);
    const x1 = v128.load(x + p, 16);
    let h0 = v128.load(g + p);
    let h1 = v128.load(g + p, 16);
    if (scaled) h0 = f32x4.mul(h0, v128.load(w + p));
    if (scaled) h1 = f32x4.mul(h1, v128.load(w + p, 16));
    const n0 = f32x4.mul(f32x4.sub(x0, m), r);
    const n1 = f32x4.mul(f32x4.sub(x1, m), r);
    const y0 = f32x4.mul(r, f32x4.sub(f32x4.sub(h0, hMean), f32x4.mul(n0, nMean)));
    const y1 = f32x4.mul(r, f32x4.sub(f32x4.sub(h1, hMean), f32x4.mul(n1, nMean)));
    v128.store(out + p, y0);
    v128.store(out + p, y1, 16);
  }
  for (; j < columns; j += 4) {
    const left = min(columns - j, 4);
    const p = <usize>j << 2;
    let h = loadSome(g + p, left);
    if (scaled) h = f32x4.mul(h, loadSome(w + p, left));
    const n = f32x4.mul(f32x4.sub(loadSome(x + p, left), m), r);
    storeSome(out + p, f32x4.mul(r, f32x4.sub(f32x4.sub(h, hMean), f32x4.mul(n, nMean))), left);
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
    for (let i = load<i32>(p); i < load<i32>(p, 4); i++) {
      const row = <usize>i * <usize>columns << 2;
      addWeightRow(into, x + row, g + row, columns, eps);
    }
    depth = joinSegments(out, scratch, columns, depth, s, s + 1 == count);
  }
}

function addWeightRow(into: usize, x: usize, g: usize, n: i32, eps: f32): void {
  const mean = rowSum(x, n) / <f32>n;
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverseDeviation(x, n, mean, eps));
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const s0 = v128.load(into);
    const s1 = v128.load(into, 16);
    const y0 = f32x4.add(s0, f32x4.mul(g0, f32x4.mul(f32x4.sub(x0, m), r)));
    const y1 = f32x4.add(s1, f32x4.mul(g1, f32x4.mul(f32x4.sub(x1, m), r)));
    v128.store(into, y0);
    v128.store(into, y1, 16);
    into += 32;
    x += 32;
    g += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const y = f32x4.mul(f32x4.sub(loadSome(x, left), m), r);
    storeSome(into, f32x4.add(loadSome(into, left), f32x4.mul(loadSome(g, left), y)), left);
    into += 16;
    x += 16;
    g += 16;
  }
}
