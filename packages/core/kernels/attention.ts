import { gatherPanels, gatherRows, packQueries, paddedBytes } from './attention-panels';
import { scaleRows, weightedRows } from './attention-rows';
import { stripCols, stripPitch, weigh } from './attention-strip';

/**
 * softmax(scale q k^T) v, a strip of 16 queries at a time: nothing of the size queries x keys is ever stored, and keys that none of
 * the 16 may see are not computed. One sum over keys for each output element, ascending from +0; division by the softmax's sum comes last.
 */
export function attention(a: usize): void {
  const s = a + 16;
  const outer = load<i32>(s, 4);
  const heads = load<i32>(s, 8);
  for (let b = 0; b < outer; b++) {
    for (let h = 0; h < heads; h++) {
      attendHead(s, operand(a, s + 44, b, h), operand(a + 4, s + 56, b, h), operand(a + 8, s + 68, b, h), operand(a + 12, s + 80, b, h), paddingOf(s, b));
    }
  }
}

/** Where sample b and head h of an operand begin: its address lies at `address`, its strides (sample, head, row) at `strides`. */
// @ts-ignore: decorator
@inline
export function operand(address: usize, strides: usize, b: i32, h: i32): usize {
  return load<usize>(address) + ((<usize>b * load<u32>(strides) + <usize>h * load<u32>(strides, 4)) << 2);
}

/** The padding mask of sample b, or 0. */
// @ts-ignore: decorator
@inline
export function paddingOf(s: usize, b: i32): usize {
  const padding = load<usize>(s);
  return padding == 0 ? 0 : padding + (<usize>b * load<u32>(s, 16) << 2);
}

function attendHead(s: usize, out: usize, q: usize, k: usize, v: usize, padding: usize): void {
  const queries = load<i32>(s, 12);
  const keys = load<i32>(s, 16);
  const depth = load<i32>(s, 20);
  const width = load<i32>(s, 24);
  const low = load<i32>(s, 28);
  const high = load<i32>(s, 32);
  const scale = load<f32>(s, 36);
  const outPitch = load<usize>(s, 52) << 2;
  const qPitch = load<usize>(s, 64) << 2;
  const kPitch = load<usize>(s, 76) << 2;
  const vPitch = load<usize>(s, 88) << 2;
  const keyRows = <usize>((keys + 3) & ~3);
  const depthBytes = paddedBytes(depth);
  const widthBytes = paddedBytes(width);
  // the scratch: two rows of statistics, a panel of queries, a tile, rows of queries, the strip, rows of keys and of values
  const top = load<usize>(s, 40);
  const factor = top + stripPitch;
  const queryPanel = factor + stripPitch;
  const edge = queryPanel + depthBytes * stripCols;
  const queryRows = edge + stripPitch * 4;
  const strip = queryRows + depthBytes * stripCols;
  const keysAt = strip + keyRows * stripPitch;
  const valuesAt = keysAt + keyRows * depthBytes;
  gatherRows(keysAt, depthBytes, k, kPitch, keys, depth);
  gatherPanels(valuesAt, keyRows, v, vPitch, keys, width);
  for (let first = 0; first < queries; first += stripCols) {
    const count = min(queries - first, stripCols);
    const from = max(first + low, 0) & ~3;
    const to = max(min(first + count + high, keys), from);
    gatherRows(queryRows, depthBytes, q + <usize>first * qPitch, qPitch, count, depth);
    packQueries(queryPanel, queryRows, depthBytes, count, depth, scale);
    weigh(strip, factor, top, keysAt, depthBytes, queryPanel, depth, from, to, first, low, high, keys, padding);
    const rows = out + <usize>first * outPitch;
    weightedRows(rows, outPitch, strip, to - from, valuesAt + <usize>from * stripPitch, keyRows * stripPitch, stripPitch, count, width, edge);
    scaleRows(rows, outPitch, count, width, factor);
  }
}
