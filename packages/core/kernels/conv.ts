import {
  channels, dilationX, dilationY, filters, groups, height, kernelHeight, kernelWidth, left, outHeight, outWidth, reachedColumns,
  reachedRows, readGeometry, samples, strideX, strideY, top, width,
} from './conv-geometry';
import { fillUp, packLanes, packRows, padPlanes, planePitch, roundUp } from './conv-pack';
import { gatherTile } from './conv-tiles';
import { relu4 } from './vector-math';

/**
 * Convolution as a matrix product whose left operand is never written down: a row of it is a position of the output, and a table of
 * offsets says where each of its taps lies in the padded image. Weights are packed once for all samples. Every output is one sum over
 * (channel, kernel row, kernel column) in ascending order from +0, zeros of the padding included.
 */

const tileBytes: usize = 256;
const zeroTile: usize = memory.data(256, 16);
/** Positions of a sheet of outputs (32 KiB) that are computed before they go to the planes of their filters. */
const sheetPositions: i32 = 512;

export function conv2d(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const bias = load<usize>(a, 12);
  readGeometry(a + 16);
  const relu = load<i32>(a, 80) != 0;
  const tile = load<usize>(a, 84);
  const taps = kernelHeight * kernelWidth;
  const k = channels * taps;
  const positions = outHeight * outWidth;
  const tapTable = tile + tileBytes;
  const positionTable = tapTable + roundUp(<usize>k << 2);
  const weights = positionTable + roundUp(<usize>positions << 2);
  const sheet = weights + (<usize>k << 6) * <usize>((filters + 15) >> 4);
  const image = sheet + (<usize>(min(positions, sheetPositions) + 3) << 6);

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
      let to = out + <usize>(n * groups + g) * <usize>filters * outPlane;
      for (let f = 0; f < filters; f += 16) {
        const some = min(16, filters - f);
        const biasAt = bias == 0 ? 0 : bias + (<usize>(g * filters + f) << 2);
        const panel = weights + (<usize>f * <usize>k << 2);
        for (let p = 0; p < positions; p += sheetPositions) {
          const here = min(sheetPositions, positions - p);
          const table = positionTable + (<usize>p << 2);
          correlate(sheet, 0, copied ? image : source, tapTable, k, panel, table, here, some, tile);
          storeSheet(to + (<usize>p << 2), outPlane, sheet, here, some, biasAt, relu);
        }
        to += outPlane << 4;
      }
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
  const panels = <usize>((channels + 15) >> 4);
  // positions of each remainder begin at a multiple of four
  const tableBytes = roundUp(<usize>(height * width + 3 * strideY * strideX) << 2);
  const restTable = tile + tileBytes;
  const tapTable = restTable + roundUp(<usize>(strideY * strideX) << 3);
  const weightTable = tapTable + roundUp(<usize>most << 2);
  const positionTable = weightTable + roundUp(<usize>most << 2);
  const outTable = positionTable + tableBytes;
  const weights = outTable + tableBytes;
  const sheet = weights + (<usize>most << 6) * panels;
  const image = sheet + (<usize>(height * width + 3) << 6);

  const above = (kernelHeight - 1) * dilationY / strideY;
  const before = (kernelWidth - 1) * dilationX / strideX;
  const rows = (height - 1 + top) / strideY + 1 + above;
  const columns = (width - 1 + left) / strideX + 1 + before;
  const pitch = planePitch(rows, columns);
  memory.fill(image, 0, <usize>filters * pitch);
  const outPlane = <usize>(height * width) << 2;
  const inBytes = <usize>filters * <usize>outHeight * <usize>outWidth << 2;
  const rests = strideY * strideX;
  for (let group = 0; group < groups; group++) {
    const groupWeights = w + (<usize>group * <usize>most * <usize>channels << 2);
    let packed = weights;
    let tapsAt = tapTable;
    let positionsAt = positionTable;
    let outAt = outTable;
    for (let rest = 0; rest < rests; rest++) {
      const k = backwardTaps(tapsAt, weightTable, pitch, columns, rest / strideX, rest % strideX, above, before);
      const positions = backwardPositions(positionsAt, outAt, columns, rest / strideX, rest % strideX);
      packLanes(packed, groupWeights, weightTable, k, <usize>taps << 2, channels);
      const entry = restTable + (<usize>rest << 3);
      store<i32>(entry, k);
      store<i32>(entry, positions, 4);
      packed += (<usize>k << 6) * panels;
      tapsAt += <usize>k << 2;
      positionsAt += <usize>((positions + 3) & ~3) << 2;
      outAt += <usize>((positions + 3) & ~3) << 2;
    }
    for (let n = 0; n < samples; n++) {
      padPlanes(
        image, g + <usize>(n * groups + group) * inBytes, filters, outHeight, outWidth, rows, columns, above, before,
      );
      let to = out + <usize>(n * groups + group) * <usize>channels * outPlane;
      for (let c = 0; c < channels; c += 16) {
        const some = min(16, channels - c);
        packed = weights;
        tapsAt = tapTable;
        positionsAt = positionTable;
        outAt = outTable;
        for (let rest = 0; rest < rests; rest++) {
          const entry = restTable + (<usize>rest << 3);
          const k = load<i32>(entry);
          const positions = load<i32>(entry, 4);
          const panel = packed + (<usize>c * <usize>k << 2);
          correlate(sheet, rests == 1 ? 0 : outAt, image, tapsAt, k, panel, positionsAt, positions, some, tile);
          packed += (<usize>k << 6) * panels;
          tapsAt += <usize>k << 2;
          positionsAt += <usize>((positions + 3) & ~3) << 2;
          outAt += <usize>((positions + 3) & ~3) << 2;
        }
        storeSheet(to, outPlane, sheet, height * width, some, bias == 0 ? 0 : bias + (<usize>(group * channels + c) << 2), false);
        to += outPlane << 4;
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

/** Positions of one image by 16 lanes: to rows of 16 floats, one after another, or where `outTable` says. */
function correlate(
  sheet: usize, outTable: usize, image: usize, tapTable: usize, k: i32, weights: usize, positionTable: usize, positions: i32, lanes: i32,
  tile: usize,
): void {
  for (let p = 0; p < positions; p += 4) {
    const at = positionTable + (<usize>p << 2);
    const into = outTable == 0 ? sheet + (<usize>p << 6) : tile;
    gatherTile(
      k, tapTable, image + load<u32>(at), image + load<u32>(at, 4), image + load<u32>(at, 8), image + load<u32>(at, 12), weights, zeroTile,
      into, lanes,
    );
    if (outTable == 0) continue;
    let from = tile;
    for (let i = p; i < min(p + 4, positions); i++) {
      // the table counts in floats of a plane, 4 bytes each; a row of the sheet has 64
      const to = sheet + (<usize>load<u32>(outTable + (<usize>i << 2)) << 4);
      const v0 = v128.load(from);
      const v1 = v128.load(from, 16);
      const v2 = v128.load(from, 32);
      const v3 = v128.load(from, 48);
      v128.store(to, v0);
      v128.store(to, v1, 16);
      v128.store(to, v2, 32);
      v128.store(to, v3, 48);
      from += 64;
    }
  }
}

/** A sheet [position][16] to the planes of its lanes, plus their bias, then a ReLU if asked for; four planes at a time from front to back. */
function storeSheet(out: usize, outPlane: usize, sheet: usize, positions: i32, lanes: i32, bias: usize, relu: bool): void {
  for (; lanes > 0; lanes -= 4) {
    let from = sheet;
    let to = out;
    let p = 0;
    if (lanes >= 4) {
      for (; p + 4 <= positions; p += 4) {
        storeFour(to, outPlane, from, bias, relu);
        from += 256;
        to += 16;
      }
    }
    for (; p < positions; p++) {
      for (let lane: usize = 0; lane < <usize>min(4, lanes); lane++) {
        let y = load<f32>(from + (lane << 2));
        if (bias != 0) y += load<f32>(bias + (lane << 2));
        store<f32>(to + lane * outPlane, relu && y < 0 ? 0 : y);
      }
      from += 64;
      to += 4;
    }
    sheet += 16;
    out += outPlane << 2;
    if (bias != 0) bias += 16;
  }
}

/** Four positions of four lanes. */
// @ts-ignore: decorator
@inline
function storeFour(out: usize, outPlane: usize, sheet: usize, bias: usize, relu: bool): void {
  const r0 = v128.load(sheet);
  const r1 = v128.load(sheet, 64);
  const r2 = v128.load(sheet, 128);
  const r3 = v128.load(sheet, 192);
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
  }
  if (relu) {
    y0 = relu4(y0);
    y1 = relu4(y1);
    y2 = relu4(y2);
    y3 = relu4(y3);
  }
  v128.store(out, y0);
  v128.store(out + outPlane, y1);
  v128.store(out + outPlane * 2, y2);
  v128.store(out + outPlane * 3, y3);
}
