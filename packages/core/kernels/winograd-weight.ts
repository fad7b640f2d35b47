import { channels, filters, height, left, outHeight, outWidth, readGeometry, top, width } from './conv-geometry';
import { joinSegments, place } from './tree';
import { layRows } from './winograd-strips';
import { pointSums } from './winograd-tiles';
import { gradientTile, imageTile, points, tempBytes, weightGradientTile } from './winograd-transforms';

const tapBytes: usize = 9 * 32;

/**
 * The gradient by the weights of `winograd`: at each point one sum over the tiles (sample, row, column) in ascending order from +0, then a fixed
 * combination of points. Segments apart, joined by the tree.
 */
export function winogradGradWeight(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const seg = load<usize>(a, 12);
  const count = load<i32>(a, 16);
  readGeometry(a + 20);
  const strips = load<i32>(a, 84);
  const scratch = load<usize>(a, 88);
  const pitch = <usize>((channels + 7) & ~7) << 2;
  const gPitch = <usize>((filters + 15) & ~15) << 2;
  const across = (outWidth + 3) >> 2;
  const down = (outHeight + 3) >> 2;
  const columns = across * 4 + 2;
  const rowPitch = <usize>columns * pitch;
  const tiles = <usize>(strips * across);
  const vPitch = ((tiles * pitch + 63) & ~63) | 64;
  const gvPitch = (tiles * gPitch) | 64;
  const sumPitch = <usize>(((channels + 3) >> 2) * ((filters + 15) >> 4)) << 8;
  const taps = scratch + tempBytes;
  const rows = taps + tapBytes;
  const atOnce = <usize>min(strips, down);
  const gRowPitch = <usize>across * (gPitch << 2);
  const gRows = rows + rowPitch * (4 * atOnce + 2);
  const v = gRows + gRowPitch * 4 * atOnce;
  const gv = v + vPitch * points;
  const sums = gv + gvPitch * points;
  const stack = sums + sumPitch * points;

  const size = filters * channels * 9;
  const inBytes = <usize>(channels * height * width) << 2;
  const outBytes = <usize>(filters * outHeight * outWidth) << 2;
  let depth = 0;
  for (let segment = 0; segment < count; segment++) {
    const entry = seg + (<usize>segment << 2);
    const end = load<i32>(entry, 4) * down;
    memory.fill(sums, 0, sumPitch * points);
    for (let s0 = load<i32>(entry) * down; s0 < end; s0 += strips) {
      const s1 = min(end, s0 + strips);
      let to = v;
      let gTo = gv;
      for (let s = s0; s < s1; ) {
        const ty = s % down;
        const n = <usize>(s / down);
        const more = min(s1 - s, down - ty);
        layRows(rows, pitch, 4 * more + 2, columns, x + n * inBytes, channels, height, width, 4 * ty - top, -left);
        layRows(gRows, gPitch, 4 * more, across * 4, g + n * outBytes, filters, outHeight, outWidth, 4 * ty, 0);
        for (let i: usize = 0; i < <usize>more; i++) {
          for (let tx: usize = 0; tx < <usize>across; tx++) {
            imageTile(rows + i * (rowPitch << 2) + tx * (pitch << 2), rowPitch, pitch, channels, to, 32, vPitch, scratch);
            gradientTile(gRows + i * (gRowPitch << 2) + tx * (gPitch << 2), gRowPitch, gPitch, filters, gTo, gvPitch, scratch);
            to += pitch;
            gTo += gPitch;
          }
        }
        s += more;
      }
      const n = (s1 - s0) * across;
      let sum = sums;
      for (let p: usize = 0; p < <usize>points; p++) {
        for (let f: usize = 0; f < gPitch; f += 64) {
          for (let c: usize = 0; c < <usize>channels << 2; c += 16) {
            pointSums(n, v + p * vPitch + c, pitch, gv + p * gvPitch + f, gPitch, sum);
            sum += 256;
          }
        }
      }
    }
    storeWeights(place(out, stack, size, depth), sums, sumPitch, taps, scratch);
    depth = joinSegments(out, stack, size, depth, segment, segment + 1 == count);
  }
}

/** Sums [point][16 filters][4 channels][4][16] to weights [filter][channel][9]. */
function storeWeights(out: usize, sums: usize, sumPitch: usize, taps: usize, temp: usize): void {
  const filter = <usize>channels * 36;
  for (let f = 0; f < filters; f += 16) {
    for (let c = 0; c < channels; c++) {
      for (let half = 0; half < min(16, filters - f); half += 8) {
        weightGradientTile(sums + (<usize>half << 2), sumPitch, taps, temp);
        let to = out + <usize>(f + half) * filter + <usize>c * 36;
        for (let lane = 0; lane < min(8, filters - f - half); lane++) {
          let from = taps + (<usize>lane << 2);
          for (let at: usize = 0; at < 36; at += 4, from += 32) store<u32>(to + at, load<u32>(from));
          to += filter;
        }
      }
      sums += 64;
    }
    sums += <usize>(-channels & 3) << 6;
  }
}
