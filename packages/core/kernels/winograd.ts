import { channels, filters, height, left, outHeight, outWidth, readGeometry, samples, top, width } from './conv-geometry';
import { layRows, spreadOutputs, storeStrips } from './winograd-strips';
import { pointProducts } from './winograd-tiles';
import { imageTile, outputTile, points, tempBytes, weightTile } from './winograd-transforms';

/**
 * 3 x 3 convolution by Winograd's F(4 x 4, 3 x 3): tiles of 4 x 4 outputs, computed as 36 products by channel instead of 144. An output is a sum
 * over the channels in ascending order at each point, then a fixed combination of points; it depends on its tile only.
 *
 * Strips (rows of tiles) of all samples are taken `strips` at a time, so that what lies between the transforms stays in the second-level cache.
 */

const outputBytes: usize = 16 * 32;

export function winograd(a: usize): void {
  readGeometry(a + 16);
  const scratch = load<usize>(a, 88);
  packWeights(scratch, load<usize>(a, 8), filters, channels, <usize>channels * 36, 36, false);
  convolve(
    load<usize>(a), load<usize>(a, 4), load<usize>(a, 12), channels, height, width, filters, outHeight, outWidth, top, left,
    load<i32>(a, 80) != 0, load<i32>(a, 84), scratch,
  );
}

/** The gradient by the input: a convolution of the gradient with the kernel turned around. */
export function winogradGradInput(a: usize): void {
  readGeometry(a + 16);
  const scratch = load<usize>(a, 88);
  packWeights(scratch, load<usize>(a, 8), channels, filters, 36, <usize>channels * 36, true);
  convolve(
    load<usize>(a), load<usize>(a, 4), load<usize>(a, 12), filters, outHeight, outWidth, channels, height, width, 2 - top, 2 - left,
    load<i32>(a, 80) != 0, load<i32>(a, 84), scratch,
  );
}

/** Weights at the points, [point][16 lanes][k][16], of weights of 9 taps, `laneStep` and `kStep` bytes apart. */
function packWeights(dst: usize, w: usize, lanes: i32, k: i32, laneStep: usize, kStep: usize, turned: bool): void {
  const panels = (lanes + 15) >> 4;
  const pointPitch = <usize>(panels * k) << 6;
  const temp = dst + pointPitch * points;
  const taps = temp + tempBytes;
  for (let lane = 0; lane < panels << 4; lane += 8) {
    const some = min(8, lanes - lane);
    if (some < 8) memory.fill(taps, 0, 9 * 32);
    for (let c = 0; c < k; c++) {
      for (let i = 0; i < some; i++) {
        let from = w + <usize>(lane + i) * laneStep + <usize>c * kStep;
        let to = taps + (<usize>i << 2);
        let step: usize = 32;
        if (turned) {
          to += 8 * 32;
          step = -32;
        }
        for (const end = from + 36; from < end; from += 4) {
          store<u32>(to, load<u32>(from));
          to += step;
        }
      }
      weightTile(taps, dst + (<usize>((lane >> 4) * k + c) << 6) + ((lane & 8) << 2), pointPitch, temp);
    }
  }
}

function convolve(
  out: usize, x: usize, bias: usize, inside: i32, h: i32, w: i32, outside: i32, oh: i32, ow: i32, above: i32, before: i32, relu: bool,
  strips: i32, weights: usize,
): void {
  const panels = (outside + 15) >> 4;
  const weightPitch = <usize>(panels * inside) << 6;
  const pitch = <usize>((inside + 7) & ~7) << 2;
  const outPitch = <usize>panels << 6;
  const across = (ow + 3) >> 2;
  const down = (oh + 3) >> 2;
  const columns = across * 4 + 2;
  const rowPitch = <usize>columns * pitch;
  const tiles = <usize>((strips * across + 3) & ~3);
  // an odd number of cache lines from point to point, so that a tile's points do not compete for the same sets of the cache
  const vPitch = ((tiles * pitch + 63) & ~63) | 64;
  const mPitch = (tiles * outPitch) | 64;
  const temp = weights + weightPitch * points;
  const outputs = temp + tempBytes;
  const biases = outputs + outputBytes;
  const buffer = biases + outPitch;
  const bufferPitch = <usize>across << 4;
  const bufferPlane = bufferPitch * 4 + 64;
  const rows = buffer + bufferPlane * 8;
  const v = rows + rowPitch * <usize>(4 * min(strips, down) + 2);
  const m = v + vPitch * points;
  memory.fill(biases, 0, outPitch);
  if (bias != 0) memory.copy(biases, bias, <usize>outside << 2);

  const inBytes = <usize>(inside * h * w) << 2;
  const outPlane = <usize>(oh * ow) << 2;
  const all = samples * down;
  for (let s0 = 0; s0 < all; s0 += strips) {
    const s1 = min(all, s0 + strips);
    let to = v;
    let t = 0;
    for (let s = s0; s < s1; ) {
      const ty = s % down;
      const more = min(s1 - s, down - ty);
      layRows(rows, pitch, 4 * more + 2, columns, x + <usize>(s / down) * inBytes, inside, h, w, 4 * ty - above, -before);
      for (let i = 0; i < more; i++) {
        let from = rows + <usize>i * (rowPitch << 2);
        for (let tx = 0; tx < across; tx++) {
          imageTile(from, rowPitch, pitch, inside, to, 128, vPitch, temp);
          from += pitch << 2;
          // four tiles side by side
          t++;
          to = t & 3 ? to + 32 : to + pitch * 4 - 96;
        }
      }
      s += more;
    }
    const groups = ((s1 - s0) * across + 3) >> 2;
    for (let p: usize = 0; p < <usize>points; p++) {
      let b = weights + p * weightPitch;
      for (let panel: usize = 0; panel < outPitch; panel += 64) {
        pointProducts(groups, inside, v + p * vPitch, b, m + p * mPitch + panel, outPitch);
        b += <usize>inside << 6;
      }
    }
    let tile = m;
    for (let s = s0; s < s1; s++) {
      const ty = s % down;
      const row = out + <usize>(s / down * outside) * outPlane + (<usize>(4 * ty * ow) << 2);
      for (let f = 0; f < outside; f += 8) {
        const biasAt = biases + (<usize>f << 2);
        let to = buffer;
        let from = tile + (<usize>f << 2);
        for (let tx = 0; tx < across; tx++) {
          outputTile(from, mPitch, outputs, temp);
          spreadOutputs(to, bufferPlane, bufferPitch, outputs, biasAt, relu);
          from += outPitch;
          to += 16;
        }
        storeStrips(
          row + <usize>f * outPlane, outPlane, ow, min(4, oh - 4 * ty), buffer, bufferPlane, bufferPitch, min(8, outside - f),
        );
      }
      tile += outPitch * <usize>across;
    }
  }
}
