import { operand, paddingOf } from './attention';
import { copyRows, packQueries, padRows, paddedBytes, unpackQueries } from './attention-panels';
import { scores, stripCols, stripPitch, weigh } from './attention-strip';
import { rowTile, tile, zeroTile } from './matmul';
import { packA } from './matmul-pack';

/** 16 ones. */
const ones: usize = memory.data<f32>([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 16);

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
  const k = operand(a + 16, s + 92, b, h);
  const kPitch = load<usize>(s, 100) << 2;
  const v = operand(a + 20, s + 104, b, h);
  const vPitch = load<usize>(s, 112) << 2;
  const g = operand(a + 24, s + 116, b, h);
  const gPitch = load<usize>(s, 124) << 2;
  const keyRows = <usize>((keys + 3) & ~3);
  const depthRows = <usize>((depth + 3) & ~3);
  const depthBytes = paddedBytes(depth);
  const widthBytes = paddedBytes(width);
  // the scratch: two rows of statistics; panels of queries, of their gradients and of g; rows of q and g; two strips; keys and
  // values by 4 keys, keys by 4 columns; sums for dk and dv
  const top = load<usize>(s, 40);
  const factor = top + stripPitch;
  const queryPanel = factor + stripPitch;
  const outPanel = queryPanel + <usize>depth * stripPitch;
  const gPanel = outPanel + depthRows * stripPitch;
  const qRows = gPanel + <usize>width * stripPitch;
  const gRows = qRows + depthBytes * stripCols;
  const weights = gRows + widthBytes * stripCols;
  const slopes = weights + keyRows * stripPitch;
  const keyPanels = slopes + keyRows * stripPitch;
  const valuePanels = keyPanels + (keyRows * <usize>depth << 2);
  const columnPanels = valuePanels + (keyRows * <usize>width << 2);
  const keySums = columnPanels + (depthRows * <usize>keys << 2);
  const valueSums = keySums + keyRows * depthBytes;
  packA(keyPanels, k, kPitch, 4, keys, depth);
  packA(valuePanels, v, vPitch, 4, keys, width);
  packA(columnPanels, k, 4, kPitch, depth, keys);
  memory.fill(keySums, 0, keyRows * (depthBytes + widthBytes));
  for (let first = 0; first < queries; first += stripCols) {
    const count = min(queries - first, stripCols);
    const from = max(first + low, 0) & ~3;
    const to = max(min(first + count + high, keys), from);
    const rows = (to - from + 3) & ~3;
    const qAt = q + <usize>first * qPitch;
    const gAt = g + <usize>first * gPitch;
    packQueries(queryPanel, qAt, qPitch, count, depth, scale);
    packQueries(gPanel, gAt, gPitch, count, width, 1);
    weigh(weights, factor, top, keyPanels, queryPanel, depth, from, to, first, low, high, keys, padding);
    scores(slopes, valuePanels, gPanel, width, from, rows);
    normalise(weights, slopes, rows, factor, top);
    slope(slopes, weights, rows, top, scale);
    addProducts(keySums, depthBytes, slopes, qAt, qPitch, qRows, from, rows, count, depth);
    addProducts(valueSums, widthBytes, weights, gAt, gPitch, gRows, from, rows, count, width);
    for (let c = 0; c < depth; c += 4) {
      const panel = columnPanels + (<usize>c * <usize>keys << 2) + (<usize>from << 4);
      tile(to - from, panel, slopes, stripPitch, zeroTile, stripPitch, outPanel + <usize>c * stripPitch, stripPitch);
    }
    unpackQueries(dq + <usize>first * dqPitch, dqPitch, outPanel, count, depth, ones);
  }
  copyRows(operand(a + 4, s + 56, b, h), load<usize>(s, 64) << 2, keySums, depthBytes, keys, depth);
  copyRows(operand(a + 8, s + 68, b, h), load<usize>(s, 76) << 2, valueSums, widthBytes, keys, width);
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
 * sums[key][c] += the sum over the strip's queries of strip[key][q] * right[q][c]. Where the columns are whole tiles, `right` is read
 * where it lies; else from a padded copy at `spare`.
 */
function addProducts(
  sums: usize, sumPitch: usize, strip: usize, right: usize, rightPitch: usize, spare: usize, from: i32, rows: i32, count: i32, columns: i32,
): void {
  if (<usize>columns << 2 != sumPitch) {
    padRows(spare, sumPitch, right, rightPitch, count, columns);
    right = spare;
    rightPitch = sumPitch;
  }
  let c = sums + <usize>from * sumPitch;
  for (let j = 0; j < rows; j += 4) {
    for (let at: usize = 0; at < sumPitch; at += stripPitch) {
      rowTile(count, strip, right + at, rightPitch, c + at, sumPitch, c + at, sumPitch);
    }
    c += sumPitch << 2;
    strip += stripPitch << 2;
  }
}
