import {
  channels, dilationX, dilationY, filters, groups, height, kernelHeight, kernelWidth, left, outHeight, outWidth, reachedColumns,
  reachedRows, readGeometry, samples, strideX, strideY, top, width,
} from './conv-geometry';
import { fillUp, packLanes, packRows, padPlanes, planePitch, roundUp } from './conv-pack';
import { gatherTile } from './conv-tiles';

/**
 * Convolution as a matrix product whose left operand is never written down: a row of it is a position of the output, and a table of
 * offsets says where each of its taps lies in the padded image. Weights are packed once for all samples. Every output is one sum over
 * (channel, kernel row, kernel column) in ascending order from +0, zeros of the padding included.
 */

const tileBytes: usize = 256;
const zeroTile: usize = memory.data(256, 16);

export function conv2d(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const bias = load<usize>(a, 12);
  readGeometry(a + 16);
  const tile = load<usize>(a, 80);
  const taps = kernelHeight * kernelWidth;
  const k = channels * taps;
  const positions = outHeight * outWidth;
  const tapTable = tile + tileBytes;
  const positionTable = tapTable + roundUp(<usize>k << 2);
  const weights = positionTable + roundUp(<usize>positions << 2);
  const image = weights + (<usize>k << 6) * <usize>((filters + 15) >> 4);

  const rows = reachedRows();
  const columns = reachedColumns();
  const copied = top + left > 0 || height * width % 512 == 0;
  const pitch = copied ? planePitch(rows, columns) : <usize>height * <usize>width << 2;
  const rowPitch = copied ? columns : width;
  if (copied) memory.fill(image, 0, <usize>channels * pitch);
  forwardTaps(tapTable, pitch, rowPitch);
  let p = positionTable;
  for (let y = 0; y < outHeight; y++) {
    for (let c = 0; c < outWidth; c++, p += 4) store<u32>(p, (y * strideY * rowPitch + c * strideX) << 2);
  }
  fillUp(positionTable, positions);

  const inBytes = <usize>channels * <usize>height * <usize>width << 2;
  const outPlane = <usize>positions << 2;
  for (let g = 0; g < groups; g++) {
    packRows(weights, w + (<usize>(g * filters * k) << 2), k, filters);
    for (let n = 0; n < samples; n++) {
      const source = x + <usize>(n * groups + g) * inBytes;
      if (copied) padPlanes(image, source, channels, height, width, rows, columns, top, left);
      correlate(
        out + <usize>(n * groups + g) * <usize>filters * outPlane, outPlane, copied ? image : source, tapTable, k, weights,
        positionTable, positions, 0, filters, bias == 0 ? 0 : bias + (<usize>(g * filters) << 2), tile,
      );
    }
  }
}

/** Where each tap of (channel, kernel row, kernel column) lies in an image, from the position's first. */
export function forwardTaps(table: usize, pitch: usize, rowPitch: i32): void {
  for (let c = 0; c < channels; c++) {
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let kx = 0; kx < kernelWidth; kx++) {
        store<u32>(table, <u32>(<usize>c * pitch) + ((ky * dilationY * rowPitch + kx * dilationX) << 2));
        table += 4;
      }
    }
  }
}

/**
 * The gradient by the input, which is the transposed convolution: an output (y, x) takes part in those taps that hit it. With a stride
 * those are the same for all positions with the same remainder, so each remainder is a convolution of its own, over its own taps.
 */
export function conv2dGradInput(a: usize): void {
  const out = load<usize>(a);
  const g = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const bias = load<usize>(a, 12);
  readGeometry(a + 16);
  const tile = load<usize>(a, 80);
  const taps = kernelHeight * kernelWidth;
  const most = filters * taps;
  const tapTable = tile + tileBytes;
  const weightTable = tapTable + roundUp(<usize>most << 2);
  const positionTable = weightTable + roundUp(<usize>most << 2);
  const outTable = positionTable + roundUp(<usize>(height * width) << 2);
  const weights = outTable + roundUp(<usize>(height * width) << 2);
  const image = weights + (<usize>most << 6) * <usize>((channels + 15) >> 4);

  const above = (kernelHeight - 1) * dilationY / strideY;
  const before = (kernelWidth - 1) * dilationX / strideX;
  const rows = (height - 1 + top) / strideY + 1 + above;
  const columns = (width - 1 + left) / strideX + 1 + before;
  const pitch = planePitch(rows, columns);
  memory.fill(image, 0, <usize>filters * pitch);
  const outPlane = <usize>(height * width) << 2;
  const inBytes = <usize>filters * <usize>outHeight * <usize>outWidth << 2;
  const whole = strideY == 1 && strideX == 1;
  for (let group = 0; group < groups; group++) {
    const groupWeights = w + (<usize>group * <usize>most * <usize>channels << 2);
    for (let restY = 0; restY < strideY; restY++) {
      for (let restX = 0; restX < strideX; restX++) {
        const k = backwardTaps(tapTable, weightTable, pitch, columns, restY, restX, above, before);
        const positions = backwardPositions(positionTable, outTable, columns, restY, restX);
        packLanes(weights, groupWeights, weightTable, k, <usize>taps << 2, channels);
        for (let n = 0; n < samples; n++) {
          padPlanes(
            image, g + <usize>(n * groups + group) * inBytes, filters, outHeight, outWidth, rows, columns, above, before,
          );
          correlate(
            out + <usize>(n * groups + group) * <usize>channels * outPlane, outPlane, image, tapTable, k, weights, positionTable,
            positions, whole ? 0 : outTable, channels, bias == 0 ? 0 : bias + (<usize>(group * channels) << 2), tile,
          );
        }
      }
    }
  }
}

/** The taps that hit positions with these remainders, by (filter, kernel row, kernel column): where they lie in the image and in the weights. */
function backwardTaps(
  tapTable: usize, weightTable: usize, pitch: usize, columns: i32, restY: i32, restX: i32, above: i32, before: i32,
): i32 {
  let k = 0;
  for (let f = 0; f < filters; f++) {
    for (let ky = 0; ky < kernelHeight; ky++) {
      if (ky * dilationY % strideY != restY) continue;
      for (let kx = 0; kx < kernelWidth; kx++) {
        if (kx * dilationX % strideX != restX) continue;
        const y = above - ky * dilationY / strideY;
        const x = before - kx * dilationX / strideX;
        const at = <usize>k << 2;
        store<u32>(tapTable + at, <u32>(<usize>f * pitch) + ((y * columns + x) << 2));
        store<u32>(weightTable + at, ((f * channels * kernelHeight + ky) * kernelWidth + kx) << 2);
        k++;
      }
    }
  }
  return k;
}

/** The positions with these remainders: where their first tap would lie, and where they go. */
function backwardPositions(positionTable: usize, outTable: usize, columns: i32, restY: i32, restX: i32): i32 {
  let n = 0;
  for (let y = 0; y < height; y++) {
    if ((y + top) % strideY != restY) continue;
    for (let x = 0; x < width; x++) {
      if ((x + left) % strideX != restX) continue;
      const at = <usize>n << 2;
      store<u32>(positionTable + at, ((y + top) / strideY * columns + (x + left) / strideX) << 2);
      store<u32>(outTable + at, (y * width + x) << 2);
      n++;
    }
  }
  fillUp(positionTable, n);
  return n;
}

/** All positions of one image by all lanes (filters). Positions follow each other in the output, or lie where `outTable` says. */
function correlate(
  out: usize, outPlane: usize, image: usize, tapTable: usize, k: i32, weights: usize, positionTable: usize, positions: i32,
  outTable: usize, lanes: i32, bias: usize, tile: usize,
): void {
  for (; lanes > 0; lanes -= 16) {
    const some = min(16, lanes);
    for (let p = 0; p < positions; p += 4) {
      const at = positionTable + (<usize>p << 2);
      gatherTile(
        k, tapTable, image + load<u32>(at), image + load<u32>(at, 4), image + load<u32>(at, 8), image + load<u32>(at, 12),
        weights, zeroTile, tile, some,
      );
      const here = min(4, positions - p);
      if (outTable != 0) scatterTile(out, outTable + (<usize>p << 2), outPlane, tile, some, here, bias);
      else if (here == 4) storeTile(out + (<usize>p << 2), outPlane, tile, some, bias);
      else storePart(out + (<usize>p << 2), outPlane, tile, some, here, bias);
    }
    weights += <usize>k << 6;
    out += outPlane << 4;
    if (bias != 0) bias += 64;
  }
}

/** Transposes a tile of 4 positions by `lanes`: 4 floats for each lane's plane, plus the lane's bias. */
function storeTile(out: usize, outPlane: usize, tile: usize, lanes: i32, bias: usize): void {
  let lane = 0;
  for (; lane + 4 <= lanes; lane += 4) {
    const r0 = v128.load(tile);
    const r1 = v128.load(tile, 64);
    const r2 = v128.load(tile, 128);
    const r3 = v128.load(tile, 192);
    const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    let y0 = v128.shuffle<i64>(t0, t1, 0, 2);
    let y1 = v128.shuffle<i64>(t0, t1, 1, 3);
    let y2 = v128.shuffle<i64>(t2, t3, 0, 2);
    let y3 = v128.shuffle<i64>(t2, t3, 1, 3);
    if (bias != 0) {
      y0 = f32x4.add(y0, v128.load32_splat(bias));
      y1 = f32x4.add(y1, v128.load32_splat(bias, 4));
      y2 = f32x4.add(y2, v128.load32_splat(bias, 8));
      y3 = f32x4.add(y3, v128.load32_splat(bias, 12));
      bias += 16;
    }
    v128.store(out, y0);
    out += outPlane;
    v128.store(out, y1);
    out += outPlane;
    v128.store(out, y2);
    out += outPlane;
    v128.store(out, y3);
    out += outPlane;
    tile += 16;
  }
  if (lane < lanes) storePart(out, outPlane, tile, lanes - lane, 4, bias);
}

function storePart(out: usize, outPlane: usize, tile: usize, lanes: i32, positions: i32, bias: usize): void {
  for (let lane = 0; lane < lanes; lane++) {
    const b = bias == 0 ? <f32>0 : load<f32>(bias + (<usize>lane << 2));
    for (let i = 0; i < positions; i++) {
      let y = load<f32>(tile + (<usize>i << 6));
      if (bias != 0) y += b;
      store<f32>(out + (<usize>i << 2), y);
    }
    out += outPlane;
    tile += 4;
  }
}

function scatterTile(out: usize, outTable: usize, outPlane: usize, tile: usize, lanes: i32, positions: i32, bias: usize): void {
  for (let i = 0; i < positions; i++) {
    let to = out + load<u32>(outTable + (<usize>i << 2));
    let from = tile + (<usize>i << 6);
    for (let lane = 0; lane < lanes; lane++) {
      let y = load<f32>(from);
      if (bias != 0) y += load<f32>(bias + (<usize>lane << 2));
      store<f32>(to, y);
      to += outPlane;
      from += 4;
    }
  }
}
