import { rowsTile } from './attention-tiles';
import { expDown4 } from './vector-math';

/**
 * Attention works on strips: 16 queries side by side in the lanes, one row of 16 floats for each key that any of them may see. Every
 * product is then a 4 x 16 tile, and every sum over keys runs down the rows, ascending from +0, one accumulator for each query.
 */
export const stripCols: i32 = 16;
/** Bytes of a row. */
export const stripPitch: usize = 64;

const lowest: usize = memory.data<f32>([-3.4028234663852886e38, -Infinity, 0, 1], 16);
const lane: usize = memory.data<i32>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 16);

/**
 * strip[j] = the products of row `from + j` of `keys` with the queries, for `rows` keys; both are multiples of 4. `keys`: rows of `depth` floats,
 * `pitch` bytes apart; `queries`: a panel of `depth` x 16.
 */
export function scores(strip: usize, keys: usize, pitch: usize, queries: usize, depth: i32, from: i32, rows: i32): void {
  let row = keys + <usize>from * pitch;
  for (let j = 0; j < rows; j += 4) {
    rowsTile(depth, row, pitch, queries, stripPitch, strip, stripPitch);
    row += pitch << 2;
    strip += stripPitch << 2;
  }
}

/**
 * -Infinity where a query may not see a key: key j and query i with j - i outside of [low, high], j beyond the `keys` there are, or
 * padding[j] != 0 (0 = no padding). The strip's first row is key `from`, its first lane query `first`.
 */
export function hide(
  strip: usize, from: i32, rows: i32, first: i32, low: i32, high: i32, keys: i32, padding: usize,
): void {
  for (let j = from; j < from + rows; j++) {
    if (j >= keys || (padding != 0 && load<i32>(padding + (<usize>j << 2)) != 0)) {
      const hidden = v128.load32_splat(lowest, 4);
      v128.store(strip, hidden);
      v128.store(strip, hidden, 16);
      v128.store(strip, hidden, 32);
      v128.store(strip, hidden, 48);
    } else if (j - first > high || j - first - (stripCols - 1) < low) {
      const hidden = v128.load32_splat(lowest, 4);
      // the queries from j - high to j - low see this key
      const above = i32x4.splat(j - high - first);
      const below = i32x4.splat(j - low - first);
      for (let q: usize = 0; q < stripPitch; q += 16) {
        const i = v128.load(lane + q);
        const seen = v128.and(i32x4.ge_s(i, above), i32x4.le_s(i, below));
        v128.store(strip + q, v128.bitselect(v128.load(strip + q), hidden, seen));
      }
    } else if (padding == 0) {
      // so is every key up to the last that the first query sees
      const more = min(first + high, keys - 1) - j;
      j += more;
      strip += <usize>more * stripPitch;
    }
    strip += stripPitch;
  }
}

/** Largest score of each query (the lowest float where it sees nothing) to `top`; a NaN may be passed over. */
export function stripMax(top: usize, strip: usize, rows: i32): void {
  let m0 = v128.load32_splat(lowest);
  let m1 = m0;
  let m2 = m0;
  let m3 = m0;
  for (; rows > 0; rows--) {
    m0 = f32x4.pmax(m0, v128.load(strip));
    m1 = f32x4.pmax(m1, v128.load(strip, 16));
    m2 = f32x4.pmax(m2, v128.load(strip, 32));
    m3 = f32x4.pmax(m3, v128.load(strip, 48));
    strip += stripPitch;
  }
  v128.store(top, m0);
  v128.store(top, m1, 16);
  v128.store(top, m2, 32);
  v128.store(top, m3, 48);
}

/** strip = e^(strip - top), and the sum over keys to `sum`. */
export function stripExp(sum: usize, strip: usize, rows: i32, top: usize): void {
  const t0 = v128.load(top);
  const t1 = v128.load(top, 16);
  const t2 = v128.load(top, 32);
  const t3 = v128.load(top, 48);
  let s0 = v128.load32_splat(lowest, 8);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (; rows > 0; rows--) {
    const x0 = v128.load(strip);
    const x1 = v128.load(strip, 16);
    const x2 = v128.load(strip, 32);
    const x3 = v128.load(strip, 48);
    const y0 = expDown4(f32x4.sub(x0, t0));
    const y1 = expDown4(f32x4.sub(x1, t1));
    const y2 = expDown4(f32x4.sub(x2, t2));
    const y3 = expDown4(f32x4.sub(x3, t3));
    s0 = f32x4.add(s0, y0);
    s1 = f32x4.add(s1, y1);
    s2 = f32x4.add(s2, y2);
    s3 = f32x4.add(s3, y3);
    v128.store(strip, y0);
    v128.store(strip, y1, 16);
    v128.store(strip, y2, 32);
    v128.store(strip, y3, 48);
    strip += stripPitch;
  }
  v128.store(sum, s0);
  v128.store(sum, s1, 16);
  v128.store(sum, s2, 32);
  v128.store(sum, s3, 48);
}

/** sum = 1 / sum; 0 stays 0, so that a query that sees nothing gets nothing. */
export function invert(sum: usize): void {
  const one = v128.load32_splat(lowest, 12);
  const zero = v128.load32_splat(lowest, 8);
  for (let q: usize = 0; q < stripPitch; q += 16) {
    const s = v128.load(sum + q);
    v128.store(sum + q, v128.andnot(f32x4.div(one, s), f32x4.eq(s, zero)));
  }
}

/**
 * The softmax of each query over keys `from` (a multiple of 4) to `to`, but for its division: strip = e^(score - largest score), `factor` = 1
 * over the sum of those. `keyRows`: of `depth` floats, `pitch` bytes apart; `queries`: a panel of depth x 16, already scaled. `top`: a row to work in.
 */
export function weigh(
  strip: usize, factor: usize, top: usize, keyRows: usize, pitch: usize, queries: usize, depth: i32, from: i32, to: i32, first: i32, low: i32,
  high: i32, keys: i32, padding: usize,
): void {
  const rows = (to - from + 3) & ~3;
  scores(strip, keyRows, pitch, queries, depth, from, rows);
  hide(strip, from, rows, first, low, high, keys, padding);
  stripMax(top, strip, rows);
  stripExp(factor, strip, rows, top);
  invert(factor);
}
