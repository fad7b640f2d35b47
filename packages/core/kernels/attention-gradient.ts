import { operand, paddingOf } from './attention';
import { copyRows, gatherRows, packQueries, paddedBytes } from './attention-panels';
import { weightedRows } from './attention-rows';
import { scores, stripCols, stripPitch, weigh } from './attention-strip';
import { stripsTile } from './attention-tiles';

/** Strips that add to dk and dv at once: products that are 64 deep instead of 16, and that many strips in the second-level cache. */
const groupStrips: i32 = 4;

/**
 * Gradients of `attention`. The weights p of a strip are computed again, with the bits they had; then, with dp = g v^T,
 * ds = scale p (dp - sum over keys of p dp), dq = ds k, and, summed over the queries in ascending order, dk = ds^T q and dv = p^T g.
 */
export function attentionGrad(a: usize): void {
  const s = a + 28;
  const outer = load<i32>(s, 4);
  const heads = load<i32>(s, 8);
  for (let b = 0; b < outer; b++) {
    for (let h = 0; h < heads; h++) headGradient(a, s, b, h, paddingOf(s, b));
  }
}

function headGradient(a: usize, s: usize, b: i32, h: i32, padding: usize): void {
  const queries = load<i32>(s, 12);
  const keys = load<i32>(s, 16);
  const depth = load<i32>(s, 20);
  const width = load<i32>(s, 24);
  const low = load<i32>(s, 28);
  const high = load<i32>(s, 32);
  const scale = load<f32>(s, 36);
  const dq = operand(a, s + 44, b, h);
  const dqPitch = load<usize>(s, 52) << 2;
  const q = operand(a + 12, s + 80, b, h);
  const qPitch = load<usize>(s, 88) << 2;
  const g = operand(a + 24, s + 116, b, h);
  const gPitch = load<usize>(s, 124) << 2;
  const keyRows = <usize>((keys + 3) & ~3);
  const depthBytes = paddedBytes(depth);
  const widthBytes = paddedBytes(width);
  const stripBytes = keyRows * stripPitch;
  // the scratch: two rows of statistics; a panel of queries or of g; a tile; rows of q and g of a group; its strips of weights and of
  // slopes; rows of keys and of values; sums for dk and dv
  const top = load<usize>(s, 40);
  const factor = top + stripPitch;
  const panel = factor + stripPitch;
  const edge = panel + max(depthBytes, widthBytes) * stripCols;
  const qRows = edge + stripPitch * 4;
  const gRows = qRows + depthBytes * (stripCols * groupStrips);
  const groupWeights = gRows + widthBytes * (stripCols * groupStrips);
  const groupSlopes = groupWeights + stripBytes * groupStrips;
  const keysAt = groupSlopes + stripBytes * groupStrips;
  const valuesAt = keysAt + keyRows * depthBytes;
  const keySums = valuesAt + keyRows * widthBytes;
  const valueSums = keySums + keyRows * depthBytes;
  gatherRows(keysAt, depthBytes, operand(a + 16, s + 92, b, h), load<usize>(s, 100) << 2, keys, depth);
  gatherRows(valuesAt, widthBytes, operand(a + 20, s + 104, b, h), load<usize>(s, 112) << 2, keys, width);
  memory.fill(keySums, 0, keyRows * (depthBytes + widthBytes));
  for (let start = 0; start < queries; start += stripCols * groupStrips) {
    const inGroup = min(queries - start, stripCols * groupStrips);
    gatherRows(qRows, depthBytes, q + <usize>start * qPitch, qPitch, inGroup, depth);
    gatherRows(gRows, widthBytes, g + <usize>start * gPitch, gPitch, inGroup, width);
    for (let at = 0; at < inGroup; at += stripCols) {
      const first = start + at;
      const count = min(queries - first, stripCols);
      const from = firstKey(first, low);
      const to = endOfKeys(first, count, from, high, keys);
      const rows = (to - from + 3) & ~3;
      const weights = groupWeights + <usize>(at / stripCols) * stripBytes + <usize>from * stripPitch;
      const slopes = groupSlopes + <usize>(at / stripCols) * stripBytes + <usize>from * stripPitch;
      packQueries(panel, qRows + <usize>at * depthBytes, depthBytes, count, depth, scale);
      weigh(weights, factor, top, keysAt, depthBytes, panel, depth, from, to, first, low, high, keys, padding);
      packQueries(panel, gRows + <usize>at * widthBytes, widthBytes, count, width, 1);
      scores(slopes, valuesAt, widthBytes, panel, width, from, rows);
      normalise(weights, slopes, rows, factor, top);
      slope(slopes, weights, rows, top, scale);
      const columns = keysAt + <usize>from * depthBytes;
      weightedRows(dq + <usize>first * dqPitch, dqPitch, slopes, to - from, columns, stripPitch, depthBytes, count, depth, edge);
    }
    addProducts(keySums, depthBytes, groupSlopes, stripBytes, qRows, start, inGroup, low, high, keys);
    addProducts(valueSums, widthBytes, groupWeights, stripBytes, gRows, start, inGroup, low, high, keys);
  }
  copyRows(operand(a + 4, s + 56, b, h), load<usize>(s, 64) << 2, keySums, depthBytes, keys, depth);
  copyRows(operand(a + 8, s + 68, b, h), load<usize>(s, 76) << 2, valueSums, widthBytes, keys, width);
}

/** The keys of a strip whose first query is `first`: from this one, in whole fours ... */
// @ts-ignore: decorator
@inline
function firstKey(first: i32, low: i32): i32 {
  return max(first + low, 0) & ~3;
}

/** ... up to this one. */
// @ts-ignore: decorator
@inline
function endOfKeys(first: i32, count: i32, from: i32, high: i32, keys: i32): i32 {
  return max(min(first + count + high, keys), from);
}

/** weights *= factor; `dots` = the sum over keys of weights * slopes. */
function normalise(weights: usize, slopes: usize, rows: i32, factor: usize, dots: usize): void {
  const f0 = v128.load(factor);
  const f1 = v128.load(factor, 16);
  const f2 = v128.load(factor, 32);
  const f3 = v128.load(factor, 48);
  let d0 = f32x4.splat(0);
  let d1 = d0;
  let d2 = d0;
  let d3 = d0;
  for (; rows > 0; rows--) {
    const y0 = f32x4.mul(v128.load(weights), f0);
    const y1 = f32x4.mul(v128.load(weights, 16), f1);
    const y2 = f32x4.mul(v128.load(weights, 32), f2);
    const y3 = f32x4.mul(v128.load(weights, 48), f3);
    d0 = f32x4.add(d0, f32x4.mul(y0, v128.load(slopes)));
    d1 = f32x4.add(d1, f32x4.mul(y1, v128.load(slopes, 16)));
    d2 = f32x4.add(d2, f32x4.mul(y2, v128.load(slopes, 32)));
    d3 = f32x4.add(d3, f32x4.mul(y3, v128.load(slopes, 48)));
    v128.store(weights, y0);
    v128.store(weights, y1, 16);
    v128.store(weights, y2, 32);
    v128.store(weights, y3, 48);
    weights += stripPitch;
    slopes += stripPitch;
  }
  v128.store(dots, d0);
  v128.store(dots, d1, 16);
  v128.store(dots, d2, 32);
  v128.store(dots, d3, 48);
}

/** slopes = scale weights (slopes - dots) */
function slope(slopes: usize, weights: usize, rows: i32, dots: usize, scale: f32): void {
  const k = f32x4.splat(scale);
  const d0 = v128.load(dots);
  const d1 = v128.load(dots, 16);
  const d2 = v128.load(dots, 32);
  const d3 = v128.load(dots, 48);
  for (; rows > 0; rows--) {
    const x0 = f32x4.sub(v128.load(slopes), d0);
    const x1 = f32x4.sub(v128.load(slopes, 16), d1);
    const x2 = f32x4.sub(v128.load(slopes, 32), d2);
    const x3 = f32x4.sub(v128.load(slopes, 48), d3);
    const y0 = f32x4.mul(k, f32x4.mul(v128.load(weights), x0));
    const y1 = f32x4.mul(k, f32x4.mul(v128.load(weights, 16), x1));
    const y2 = f32x4.mul(k, f32x4.mul(v128.load(weights, 32), x2));
    const y3 = f32x4.mul(k, f32x4.mul(v128.load(weights, 48), x3));
    v128.store(slopes, y0);
    v128.store(slopes, y1, 16);
    v128.store(slopes, y2, 32);
    v128.store(slopes, y3, 48);
    weights += stripPitch;
    slopes += stripPitch;
  }
}

/**
 * sums[key][c] += the sum over a group's queries, ascending, of strip[key][q] * right[q][c], for each key over the strips that have it: both
 * bounds of a strip's keys grow from strip to strip, so they are neighbours. `right`: rows of whole tiles, as many bytes as a row of the sums.
 */
function addProducts(
  sums: usize, sumPitch: usize, strips: usize, stripBytes: usize, right: usize, start: i32, queries: i32, low: i32, high: i32, keys: i32,
): void {
  const strip = (queries + stripCols - 1) / stripCols;
  let head = 0;
  let next = 0;
  let headFrom = firstKey(start, low);
  let nextFrom = headFrom;
  for (let j = headFrom; head < strip; j += 4) {
    while (next < strip && nextFrom <= j) {
      next++;
      nextFrom = firstKey(start + next * stripCols, low);
    }
    while (head < next) {
      const first = start + head * stripCols;
      if (endOfKeys(first, min(start + queries - first, stripCols), headFrom, high, keys) > j) break;
      head++;
      headFrom = firstKey(start + head * stripCols, low);
    }
    if (head == next) {
      // no strip has this key: go on where the next begins
      j = nextFrom - 4;
      continue;
    }
    const a = strips + <usize>head * stripBytes + <usize>j * stripPitch;
    const b = right + <usize>(head * stripCols) * sumPitch;
    const c = sums + <usize>j * sumPitch;
    const count = next == strip ? queries - (strip - 1) * stripCols : stripCols;
    for (let at: usize = 0; at < sumPitch; at += stripPitch) {
      stripsTile(next - head, stripBytes, count, a, b + at, sumPitch, c + at, sumPitch);
    }
  }
}
