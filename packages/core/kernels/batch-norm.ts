import { joinLanes, keep, loadSome, rowSum, storeSome } from './lanes';
import { joinSegments, place } from './tree';

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

/** Sum of g (x - mean) r of one plane, by the row rule. */
function planeProducts(x: usize, g: usize, n: i32, mean: f32, inverse: f32): f32 {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  let low = f32x4.splat(0);
  let high = low;
  for (; n >= 8; n -= 8) {
    low = f32x4.add(low, f32x4.mul(v128.load(g), f32x4.mul(f32x4.sub(v128.load(x), m), r)));
    high = f32x4.add(high, f32x4.mul(v128.load(g, 16), f32x4.mul(f32x4.sub(v128.load(x, 16), m), r)));
    g += 32;
    x += 32;
  }
  // lanes that do not exist are 0 in g
  if (n > 0) low = f32x4.add(low, f32x4.mul(loadSome(g, min(n, 4)), f32x4.mul(f32x4.sub(loadSome(x, min(n, 4)), m), r)));
  if (n > 4) high = f32x4.add(high, f32x4.mul(loadSome(g + 16, n - 4), f32x4.mul(f32x4.sub(loadSome(x + 16, n - 4), m), r)));
  return joinLanes(low, high);
}

/** Copies the first row of a segment's samples to its others. */
function spread(rows: usize, from: i32, to: i32, floats: i32): void {
  const row = <usize>floats << 2;
  const first = rows + <usize>from * row;
  for (let n = from + 1; n < to; n++) memory.copy(rows + <usize>n * row, first, row);
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
  const sample = plane * <usize>channels;
  const row = <usize>channels << 2;
  for (let s = 0; s < count; s++) {
    const from = load<i32>(seg + (<usize>s << 2));
    const to = load<i32>(seg + (<usize>s << 2), 4);
    const n = <f32>((to - from) * positions);
    let into = out + <usize>from * row * 3;
    for (let c = 0; c < channels; c++) {
      const first = x + <usize>from * sample + <usize>c * plane;
      const end = x + <usize>to * sample + <usize>c * plane;
      let sum: f32 = 0;
      for (let p = first; p < end; p += sample) sum += rowSum(p, positions);
      const mean = sum / n;
      let squares: f32 = 0;
      for (let p = first; p < end; p += sample) squares += planeSquares(p, positions, mean);
      store<f32>(into, mean);
      store<f32>(into + row, 1 / Mathf.sqrt(squares / n + eps));
      store<f32>(into + row * 2, n > 1 ? squares / (n - 1) : 0);
      into += 4;
    }
    spread(out, from, to, channels * 3);
  }
}

/** (x - mean) r, times w, plus b (where there are such); moments as `batchMoments` writes them. */
export function batchNorm(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let moments = load<usize>(a, 8);
  const w = load<usize>(a, 12);
  const b = load<usize>(a, 16);
  const channels = load<i32>(a, 24);
  const positions = load<i32>(a, 28);
  const plane = <usize>positions << 2;
  const row = <usize>channels << 2;
  for (let samples = load<i32>(a, 20); samples > 0; samples--) {
    for (let at: usize = 0; at < row; at += 4) {
      const scale: f32 = w ? load<f32>(w + at) : 1;
      const shift: f32 = b ? load<f32>(b + at) : 0;
      normPlane(out, x, positions, load<f32>(moments + at), load<f32>(moments + row + at), scale, shift);
      out += plane;
      x += plane;
    }
    moments += row * 3;
  }
}

function normPlane(out: usize, x: usize, n: i32, mean: f32, inverse: f32, scale: f32, shift: f32): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  const w = f32x4.splat(scale);
  const b = f32x4.splat(shift);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const y0 = f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(x0, m), r), w), b);
    const y1 = f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(x1, m), r), w), b);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    x += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.add(f32x4.mul(f32x4.mul(f32x4.sub(loadSome(x, left), m), r), w), b), left);
    out += 16;
    x += 16;
  }
}

/** out [samples, 4, channels] of each sample's segment: sums of g and of g (x - mean) r, and both divided by the number of values. */
export function batchNormSums(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const moments = load<usize>(a, 12);
  const seg = load<usize>(a, 16);
  const count = load<i32>(a, 20);
  const channels = load<i32>(a, 24);
  const positions = load<i32>(a, 28);
  const plane = <usize>positions << 2;
  const row = <usize>channels << 2;
  for (let s = 0; s < count; s++) {
    const from = load<i32>(seg + (<usize>s << 2));
    const to = load<i32>(seg + (<usize>s << 2), 4);
    const values = <f32>((to - from) * positions);
    let into = out + <usize>from * row * 4;
    let stats = moments + <usize>from * row * 3;
    for (let c = 0; c < channels; c++) {
      const mean = load<f32>(stats);
      const r = load<f32>(stats + row);
      let sum: f32 = 0;
      let products: f32 = 0;
      for (let n = from; n < to; n++) {
        const at = <usize>(n * channels + c) * plane;
        sum += rowSum(g + at, positions);
        products += planeProducts(x + at, g + at, positions, mean, r);
      }
      store<f32>(into, sum);
      store<f32>(into + row, products);
      store<f32>(into + row * 2, sum / values);
      store<f32>(into + row * 3, products / values);
      into += 4;
      stats += 4;
    }
    spread(out, from, to, channels * 4);
  }
}

/** With n = (x - mean) r: dx = w r (g - mean(g) - n mean(g n)), from `batchNormSums`. */
export function batchNormGrad(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let g = load<usize>(a, 8);
  let moments = load<usize>(a, 12);
  let sums = load<usize>(a, 16);
  const w = load<usize>(a, 20);
  const channels = load<i32>(a, 28);
  const positions = load<i32>(a, 32);
  const plane = <usize>positions << 2;
  const row = <usize>channels << 2;
  for (let samples = load<i32>(a, 24); samples > 0; samples--) {
    for (let at: usize = 0; at < row; at += 4) {
      const r = load<f32>(moments + row + at);
      const scale = w ? load<f32>(w + at) * r : r;
      gradPlane(out, x, g, positions, load<f32>(moments + at), r, scale, load<f32>(sums + row * 2 + at), load<f32>(sums + row * 3 + at));
      out += plane;
      x += plane;
      g += plane;
    }
    moments += row * 3;
    sums += row * 4;
  }
}

function gradPlane(out: usize, x: usize, g: usize, n: i32, mean: f32, inverse: f32, scale: f32, gMean: f32, nMean: f32): void {
  const m = f32x4.splat(mean);
  const r = f32x4.splat(inverse);
  const w = f32x4.splat(scale);
  const p = f32x4.splat(gMean);
  const q = f32x4.splat(nMean);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const y0 = f32x4.mul(w, f32x4.sub(f32x4.sub(g0, p), f32x4.mul(f32x4.mul(f32x4.sub(x0, m), r), q)));
    const y1 = f32x4.mul(w, f32x4.sub(f32x4.sub(g1, p), f32x4.mul(f32x4.mul(f32x4.sub(x1, m), r), q)));
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    x += 32;
    g += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const normal = f32x4.mul(f32x4.sub(loadSome(x, left), m), r);
    storeSome(out, f32x4.mul(w, f32x4.sub(f32x4.sub(loadSome(g, left), p), f32x4.mul(normal, q))), left);
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
