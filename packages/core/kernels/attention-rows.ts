import { copyRows } from './attention-panels';
import { stripCols, stripPitch } from './attention-strip';
import { columnsTile } from './attention-tiles';
import { loadSome, storeSome } from './lanes';

/**
 * out[q][c] = the sum over `rows` keys, ascending, of strip[key][q] * right[key][c], for the `count` queries of a strip and `width` columns.
 * `right`: rows `rightPitch` bytes apart, and `rightStep` bytes from 16 columns to the next 16; `edge`: room for a tile that is not all there.
 */
export function weightedRows(
  out: usize, outPitch: usize, strip: usize, rows: i32, right: usize, rightStep: usize, rightPitch: usize, count: i32, width: i32, edge: usize,
): void {
  for (let c = 0; c < width; c += stripCols) {
    const cols = min(width - c, stripCols);
    for (let q = 0; q < count; q += 4) {
      const there = min(count - q, 4);
      const a = strip + (<usize>q << 2);
      const b = right + <usize>(c / stripCols) * rightStep;
      const o = out + <usize>q * outPitch + (<usize>c << 2);
      if (there == 4 && cols == stripCols) {
        columnsTile(rows, a, b, rightPitch, o, outPitch);
      } else {
        columnsTile(rows, a, b, rightPitch, edge, stripPitch);
        copyRows(o, outPitch, edge, stripPitch, there, cols);
      }
    }
  }
}

/** Each of `count` rows times its factor. */
export function scaleRows(row: usize, pitch: usize, count: i32, width: i32, factor: usize): void {
  for (; count > 0; count--) {
    const f = v128.load32_splat(factor);
    let x = row;
    let n = width;
    for (; n >= 8; n -= 8) {
      const y0 = f32x4.mul(v128.load(x), f);
      const y1 = f32x4.mul(v128.load(x, 16), f);
      v128.store(x, y0);
      v128.store(x, y1, 16);
      x += 32;
    }
    for (; n > 0; n -= 4) {
      const some = min(n, 4);
      storeSome(x, f32x4.mul(loadSome(x, some), f), some);
      x += 16;
    }
    row += pitch;
    factor += 4;
  }
}
