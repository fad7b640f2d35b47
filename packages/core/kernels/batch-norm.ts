import { joinLanes, keep, loadSome, rowSum, storeSome } from './lanes';
import { joinSegments, place } from './tree';
import { relu4 } from './vector-math';

/**
 * Batch normalisation of x [samples, channels, positions]. Each segment of samples is normalised by itself. What belongs to a segment is
 * written into the rows of all its samples, so that everything after it treats samples independently.
 */

/** Sum of (x - mean)^2 of one plane, by the row rule. */
function planeSquares(x: usize, n: i32, mean: f32): f32 {
  const m = f32x4.splat(mean);
  let low = f32x4.splat(0);
  let high = low;
  for (; n >= 8; n -= 8) {
    const d0 = f32x4.sub(v128.load(x), m);
    const d1 = f32x4.sub(v128.load(x, 16), m);
    low = f32x4.add(low, f32x4.mul(d0, d0));
    high = f32x4.add(high, f32x4.mul(d1, d1));
    x += 32;
  }
  if (n > 0) {
    const d = keep(f32x4.sub(loadSome(x, min(n, 4)), m), n);
    low = f32x4.add(low, f32x4.mul(d, d));
  }
  if (n > 4) {
    const d = keep(f32x4.sub(loadSome(x + 16, n - 4), m), n - 4);
    high = f32x4.add(high, f32x4.mul(d, d));
  }
  return joinLanes(low, high);
}

// the two sums that `planeSums` gives
let gradientSum: f32 = 0;
let productSum: f32 = 0;

/**
 * Sums of g and of g n of one plane, n = (x - mean) r, by the row rule. Where a ReLU follows, g is what it lets through: what lies above 0 in
 * n w + b, computed as `batchNorm` does.
 */
// @ts-ignore: decorator
@inline
function planeSums(x: usize, g: usize, n: i32, mean: f32, inverse: f32, relu: bool, scale: f32, shift: f32): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  const w = f32x4.splat(scale);
  const b = f32x4.splat(shift);
  let gLow = f32x4.splat(0);
  let gHigh = gLow;
  let low = gLow;
  let high = gLow;
  for (; n >= 8; n -= 8) {
    const n0 = f32x4.mul(f32x4.sub(v128.load(x), m), r);
    const n1 = f32x4.mul(f32x4.sub(v128.load(x, 16), m), r);
    let g0 = v128.load(g);
    let g1 = v128.load(g, 16);
    if (relu) g0 = passed(g0, n0, w, b);
    if (relu) g1 = passed(g1, n1, w, b);
    gLow = f32x4.add(gLow, g0);
    gHigh = f32x4.add(gHigh, g1);
    low = f32x4.add(low, f32x4.mul(g0, n0));
    high = f32x4.add(high, f32x4.mul(g1, n1));
    g += 32;
    x += 32;
  }
  if (n > 0) {
    const some = min(n, 4);
    const normal = f32x4.mul(f32x4.sub(loadSome(x, some), m), r);
    let g0 = loadSome(g, some);
    if (relu) g0 = keep(passed(g0, normal, w, b), some);
    gLow = f32x4.add(gLow, g0);
    // lanes that do not exist are 0 in g
    low = f32x4.add(low, f32x4.mul(g0, normal));
  }
  if (n > 4) {
    const normal = f32x4.mul(f32x4.sub(loadSome(x + 16, n - 4), m), r);
    let g1 = loadSome(g + 16, n - 4);
    if (relu) g1 = keep(passed(g1, normal, w, b), n - 4);
    gHigh = f32x4.add(gHigh, g1);
    high = f32x4.add(high, f32x4.mul(g1, normal));
  }
  gradientSum = joinLanes(gLow, gHigh);
  productSum = joinLanes(low, high);
}

/** The gradient behind a ReLU of n w + b, as `reluGrad` gives it. */
// @ts-ignore: decorator
@inline
function passed(g: v128, normal: v128, w: v128, b: v128): v128 {
  const y = f32x4.add(f32x4.mul(normal, w), b);
  return v128.or(v128.andnot(g, f32x4.le(y, f32x4.splat(0))), f32x4.ne(y, y));
}

/** Copies the first row of a segment's samples to its others. */
function spread(rows: usize, from: i32, to: i32, floats: i32): void {
  const row = <usize>floats << 2;
  const first = rows + <usize>from * row;
  for (let n = from + 1; n < to; n++) memory.copy(rows + <usize>n * row, first, row);
}

const cached: usize = 256 * 1024;

// @ts-ignore: decorator
@inline
function addTo(p: usize, value: f32): void {
  store<f32>(p, load<f32>(p) + value);
}

/** out [samples, 3, channels]: mean, 1 / sqrt(variance + eps), and the unbiased variance (0 of a single value) of each sample's segment. */
export function batchMoments(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const seg = load<usize>(a, 8);
  const count = load<i32>(a, 12);
  const channels = load<i32>(a, 16);
  const positions = load<i32>(a, 20);
  const eps = load<f32>(a, 24);
  const plane = <usize>positions << 2;
  const row = <usize>channels << 2;
  for (let s = 0; s < count; s++) {
    const from = load<i32>(seg + (<usize>s << 2));
    const to = load<i32>(seg + (<usize>s << 2), 4);
    const n = <f32>((to - from) * positions);
    const into = out + <usize>from * row * 3;
    // so many channels that their planes are still in the second-level cache when they are read again
    const some = min(channels, max(1, <i32>(cached / (plane * <usize>(to - from)))));
    for (let c = 0; c < channels; c += some) {
      const end = min(channels, c + some);
      memory.fill(into + (<usize>c << 2), 0, <usize>(end - c) << 2);
      memory.fill(into + row + (<usize>c << 2), 0, <usize>(end - c) << 2);
      for (let at = from; at < to; at++) {
        let p = x + <usize>(at * channels + c) * plane;
        for (let i = c; i < end; i++, p += plane) addTo(into + (<usize>i << 2), rowSum(p, positions));
      }
      for (let i = c; i < end; i++) store<f32>(into + (<usize>i << 2), load<f32>(into + (<usize>i << 2)) / n);
      for (let at = from; at < to; at++) {
        let p = x + <usize>(at * channels + c) * plane;
        for (let i = c; i < end; i++, p += plane) {
          const mean = into + (<usize>i << 2);
          addTo(mean + row, planeSquares(p, positions, load<f32>(mean)));
        }
      }
      for (let i = c; i < end; i++) {
        const squares = load<f32>(into + row + (<usize>i << 2));
        store<f32>(into + row + (<usize>i << 2), 1 / Mathf.sqrt(squares / n + eps));
        store<f32>(into + row * 2 + (<usize>i << 2), n > 1 ? squares / (n - 1) : 0);
      }
    }
    spread(out, from, to, channels * 3);
  }
}

/** (x - mean) r, times w, plus b, plus z (where there are such), negative values 0 with `relu`; moments as `batchMoments` writes them. */
export function batchNorm(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let moments = load<usize>(a, 8);
  const w = load<usize>(a, 12);
  const b = load<usize>(a, 16);
  let z = load<usize>(a, 20);
  const relu = load<i32>(a, 24) != 0;
  const channels = load<i32>(a, 32);
  const positions = load<i32>(a, 36);
  const plane = <usize>positions << 2;
  const row = <usize>channels << 2;
  for (let samples = load<i32>(a, 28); samples > 0; samples--) {
    for (let at: usize = 0; at < row; at += 4) {
      const scale: f32 = w ? load<f32>(w + at) : 1;
      const shift: f32 = b ? load<f32>(b + at) : 0;
      const mean = load<f32>(moments + at);
      const inverse = load<f32>(moments + row + at);
      if (z) {
        if (relu) normPlane(out, x, positions, mean, inverse, scale, shift, z, true, true);
        else normPlane(out, x, positions, mean, inverse, scale, shift, z, true, false);
        z += plane;
      } else if (relu) normPlane(out, x, positions, mean, inverse, scale, shift, 0, false, true);
      else normPlane(out, x, positions, mean, inverse, scale, shift, 0, false, false);
      out += plane;
      x += plane;
    }
    moments += row * 3;
  }
}

// @ts-ignore: decorator
@inline
function normPlane(
  out: usize, x: usize, n: i32, mean: f32, inverse: f32, scale: f32, shift: f32, z: usize, plus: bool, relu: bool,
): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  const w = f32x4.splat(scale);
  const b = f32x4.splat(shift);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    let y0 = f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(x0, m), r), w), b);
    let y1 = f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(x1, m), r), w), b);
    if (plus) y0 = f32x4.add(y0, v128.load(z));
    if (plus) y1 = f32x4.add(y1, v128.load(z, 16));
    if (relu) y0 = relu4(y0);
    if (relu) y1 = relu4(y1);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    x += 32;
    if (plus) z += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    let y = f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(loadSome(x, left), m), r), w), b);
    if (plus) y = f32x4.add(y, loadSome(z, left));
    if (relu) y = relu4(y);
    storeSome(out, y, left);
    out += 16;
    x += 16;
    if (plus) z += 16;
  }
}

/**
 * out [samples, 4, channels] of each sample's segment: sums of g and of g (x - mean) r, and both divided by the number of values. With `relu`
 * g is the gradient behind a ReLU of the normalised values, which w and b go into.
 */
export function batchNormSums(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const moments = load<usize>(a, 12);
  const w = load<usize>(a, 16);
  const b = load<usize>(a, 20);
  const relu = load<i32>(a, 24) != 0;
  const seg = load<usize>(a, 28);
  const count = load<i32>(a, 32);
  const channels = load<i32>(a, 36);
  const positions = load<i32>(a, 40);
  const plane = <usize>positions << 2;
  const row = <usize>channels << 2;
  for (let s = 0; s < count; s++) {
    const from = load<i32>(seg + (<usize>s << 2));
    const to = load<i32>(seg + (<usize>s << 2), 4);
    const values = <f32>((to - from) * positions);
    const into = out + <usize>from * row * 4;
    const stats = moments + <usize>from * row * 3;
    memory.fill(into, 0, row * 2);
    let p = x + <usize>(from * channels) * plane;
    let q = g + <usize>(from * channels) * plane;
    for (let n = from; n < to; n++) {
      for (let at: usize = 0; at < row; at += 4) {
        const mean = load<f32>(stats + at);
        const r = load<f32>(stats + row + at);
        if (relu) planeSums(p, q, positions, mean, r, true, load<f32>(w + at), load<f32>(b + at));
        else planeSums(p, q, positions, mean, r, false, 1, 0);
        addTo(into + at, gradientSum);
        addTo(into + row + at, productSum);
        p += plane;
        q += plane;
      }
    }
    for (let at: usize = 0; at < row * 2; at += 4) store<f32>(into + row * 2 + at, load<f32>(into + at) / values);
    spread(out, from, to, channels * 4);
  }
}

/** With n = (x - mean) r: dx = w r (g - mean(g) - n mean(g n)), from `batchNormSums`; `relu` as there. */
export function batchNormGrad(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let g = load<usize>(a, 8);
  let moments = load<usize>(a, 12);
  let sums = load<usize>(a, 16);
  const w = load<usize>(a, 20);
  const b = load<usize>(a, 24);
  const relu = load<i32>(a, 28) != 0;
  const channels = load<i32>(a, 36);
  const positions = load<i32>(a, 40);
  const plane = <usize>positions << 2;
  const row = <usize>channels << 2;
  for (let samples = load<i32>(a, 32); samples > 0; samples--) {
    for (let at: usize = 0; at < row; at += 4) {
      const mean = load<f32>(moments + at);
      const r = load<f32>(moments + row + at);
      const scale = w ? load<f32>(w + at) * r : r;
      const gMean = load<f32>(sums + row * 2 + at);
      const nMean = load<f32>(sums + row * 3 + at);
      if (relu) gradPlane(out, x, g, positions, mean, r, scale, gMean, nMean, true, load<f32>(w + at), load<f32>(b + at));
      else gradPlane(out, x, g, positions, mean, r, scale, gMean, nMean, false, 1, 0);
      out += plane;
      x += plane;
      g += plane;
    }
    moments += row * 3;
    sums += row * 4;
  }
}

// @ts-ignore: decorator
@inline
function gradPlane(
  out: usize, x: usize, g: usize, n: i32, mean: f32, inverse: f32, scale: f32, gMean: f32, nMean: f32, relu: bool, weight: f32,
  bias: f32,
): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  const w = f32x4.splat(scale);
  const p = f32x4.splat(gMean);
  const q = f32x4.splat(nMean);
  const u = f32x4.splat(weight);
  const v = f32x4.splat(bias);
  for (; n >= 8; n -= 8) {
    const n0 = f32x4.mul(f32x4.sub(v128.load(x), m), r);
    const n1 = f32x4.mul(f32x4.sub(v128.load(x, 16), m), r);
    let g0 = v128.load(g);
    let g1 = v128.load(g, 16);
    if (relu) g0 = passed(g0, n0, u, v);
    if (relu) g1 = passed(g1, n1, u, v);
    const y0 = f32x4.mul(w, f32x4.sub(f32x4.sub(g0, p), f32x4.mul(n0, q)));
    const y1 = f32x4.mul(w, f32x4.sub(f32x4.sub(g1, p), f32x4.mul(n1, q)));
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    x += 32;
    g += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const normal = f32x4.mul(f32x4.sub(loadSome(x, left), m), r);
    let g0 = loadSome(g, left);
    if (relu) g0 = passed(g0, normal, u, v);
    storeSome(out, f32x4.mul(w, f32x4.sub(f32x4.sub(g0, p), f32x4.mul(normal, q))), left);
    out += 16;
    x += 16;
    g += 16;
  }
}

/** The first row of each segment, `columns` floats of rows `pitch` floats apart, joined by the tree. */
export function segmentFirst(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const seg = load<usize>(a, 8);
  const count = load<i32>(a, 12);
  const columns = load<i32>(a, 16);
  const pitch = load<i32>(a, 20);
  const scratch = load<usize>(a, 24);
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const from = <usize>(load<i32>(seg + (<usize>s << 2)) * pitch) << 2;
    memory.copy(place(out, scratch, columns, depth), x + from, <usize>columns << 2);
    depth = joinSegments(out, scratch, columns, depth, s, s + 1 == count);
  }
}
