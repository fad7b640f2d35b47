import {
  dilationX, dilationY, filters, groups, height, kernelHeight, kernelWidth, left, outHeight, outWidth, reachedColumns, reachedRows,
  readGeometry, samples, strideX, strideY, top, width,
} from './conv-geometry';
import { copyRow, fillUp, padPlanes, planePitch, roundUp } from './conv-pack';
import { joinLanes } from './lanes';
import { joinSegments, place } from './tree';

/**
 * Convolution of groups of one channel: nothing is shared between filters, so planes are slid over directly, 4 rows by 8 columns at a time.
 * Sums of outputs and of the gradient by the input are those of conv.ts, in the same order. With a stride the padded plane is cut into as many
 * planes as the stride, column x in plane x mod stride, so that neighbouring outputs lie side by side.
 */

const tileBytes: usize = 128;

export function depthwise2d(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const bias = load<usize>(a, 12);
  readGeometry(a + 16);
  const tile = load<usize>(a, 80);
  const taps = kernelHeight * kernelWidth;
  const table = tile + tileBytes;
  const plane = table + roundUp(<usize>taps << 2);
  const rows = reachedRows();
  const columns = reachedColumns();
  const cut = cutPlane(plane, rows, columns);
  cutTaps(table, rows, columns);
  const positions = outHeight * outWidth;
  for (let n = 0; n < samples; n++) {
    for (let g = 0; g < groups; g++) {
      cutCopy(plane, cut, x + (<usize>((n * groups + g) * height * width) << 2), rows, columns);
      for (let f = g * filters; f < (g + 1) * filters; f++) {
        slide(
          out + (<usize>((n * groups * filters + f) * positions) << 2), outHeight, outWidth, plane, strideY * cutColumns(columns), table, taps,
          w + (<usize>(f * taps) << 2), bias == 0 ? 0 : bias + (<usize>f << 2), tile,
        );
      }
    }
  }
}

/** Columns of each of the planes that a padded plane is cut into. */
function cutColumns(columns: i32): i32 {
  return (columns + strideX - 1) / strideX;
}

/** Clears the planes, and what is read behind them; returns where the padded plane is put together before it is cut. */
function cutPlane(plane: usize, rows: i32, columns: i32): usize {
  const bytes = roundUp(<usize>(rows * cutColumns(columns) * strideX + 16) << 2);
  memory.fill(plane, 0, bytes);
  const whole = plane + bytes;
  if (strideX > 1) memory.fill(whole, 0, planePitch(rows, columns));
  return whole;
}

function cutCopy(plane: usize, whole: usize, src: usize, rows: i32, columns: i32): void {
  if (strideX == 1) {
    padPlanes(plane, src, 1, height, width, rows, columns, top, left);
    return;
  }
  padPlanes(whole, src, 1, height, width, rows, columns, top, left);
  const each = cutColumns(columns);
  for (let y = 0; y < rows; y++) {
    for (let rest = 0; rest < strideX; rest++) {
      let to = plane + (<usize>((rest * rows + y) * each) << 2);
      for (let x = rest; x < columns; x += strideX) {
        store<u32>(to, load<u32>(whole + (<usize>(y * columns + x) << 2)));
        to += 4;
      }
    }
  }
}

function cutTaps(table: usize, rows: i32, columns: i32): void {
  const each = cutColumns(columns);
  for (let ky = 0; ky < kernelHeight; ky++) {
    for (let kx = 0; kx < kernelWidth; kx++) {
      const x = kx * dilationX;
      store<u32>(table, ((x % strideX * rows + ky * dilationY) * each + x / strideX) << 2);
      table += 4;
    }
  }
}

/** The gradients of one sample and group, spread by the stride over zeros, are slid over by the kernel turned round. */
export function depthwise2dGradInput(a: usize): void {
  const out = load<usize>(a);
  const g = load<usize>(a, 4);
  const w = load<usize>(a, 8);
  const bias = load<usize>(a, 12);
  readGeometry(a + 16);
  const tile = load<usize>(a, 80);
  const taps = kernelHeight * kernelWidth;
  const k = filters * taps;
  const table = tile + tileBytes;
  const planes = table + roundUp(<usize>k << 2);
  const above = (kernelHeight - 1) * dilationY;
  const before = (kernelWidth - 1) * dilationX;
  const rows = height + above;
  const columns = width + before;
  const pitch = planePitch(rows, columns);
  memory.fill(planes, 0, <usize>filters * pitch + 64);
  let entry = table;
  for (let f = 0; f < filters; f++) {
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let kx = 0; kx < kernelWidth; kx++) {
        store<u32>(entry, <u32>(<usize>f * pitch) + (((above - ky * dilationY) * columns + before - kx * dilationX) << 2));
        entry += 4;
      }
    }
  }
  for (let n = 0; n < samples; n++) {
    for (let group = 0; group < groups; group++) {
      for (let f = 0; f < filters; f++) {
        const source = g + (<usize>((n * groups + group) * filters + f) * <usize>(outHeight * outWidth) << 2);
        spreadPlane(planes + <usize>f * pitch, source, rows, columns, above - top, before - left);
      }
      slide(
        out + (<usize>((n * groups + group) * height * width) << 2), height, width, planes, columns, table, k,
        w + (<usize>(group * k) << 2), bias == 0 ? 0 : bias + (<usize>group << 2), tile,
      );
    }
  }
}

/** Puts row y of a gradient in row y * stride + `above`, columns alike; what does not fit is of no use to the image. */
function spreadPlane(dst: usize, src: usize, rows: i32, columns: i32, above: i32, before: i32): void {
  for (let oy = 0; oy < outHeight; oy++) {
    const y = oy * strideY + above;
    if (y >= 0 && y < rows) {
      for (let ox = 0; ox < outWidth; ox++) {
        const x = ox * strideX + before;
        if (x >= 0 && x < columns) store<u32>(dst + (<usize>(y * columns + x) << 2), load<u32>(src + (<usize>ox << 2)));
      }
    }
    src += <usize>outWidth << 2;
  }
}

/** out [rows, columns] = sum over taps of w[t] * image[row * pitch + column + table[t]], plus the bias if there is one. */
function slide(
  out: usize, rows: i32, columns: i32, image: usize, pitch: i32, table: usize, taps: i32, w: usize, bias: usize, tile: usize,
): void {
  const step = <usize>pitch << 2;
  const b: f32 = bias == 0 ? 0 : load<f32>(bias);
  for (let y = 0; y < rows; y += 4) {
    const here = min(4, rows - y);
    const p = image + <usize>y * step;
    const p1 = here > 1 ? p + step : p;
    const p2 = here > 2 ? p + step * 2 : p;
    const p3 = here > 3 ? p + step * 3 : p;
    for (let x = 0; x < columns; x += 8) {
      // the last eight columns overlap those before; fewer than eight are computed with others that are dropped
      const at = columns >= 8 ? min(x, columns - 8) : 0;
      const offset = <usize>at << 2;
      slideTile(taps, table, w, p + offset, p1 + offset, p2 + offset, p3 + offset, tile);
      if (bias != 0) addBias(tile, b);
      for (let i = 0; i < here; i++) {
        copyRow(out + (<usize>((y + i) * columns + at) << 2), tile + (<usize>i << 5), min(8, columns));
      }
    }
  }
}

function addBias(tile: usize, bias: f32): void {
  const b = f32x4.splat(bias);
  for (const end = tile + tileBytes; tile < end; tile += 32) {
    const y0 = f32x4.add(v128.load(tile), b);
    const y1 = f32x4.add(v128.load(tile, 16), b);
    v128.store(tile, y0);
    v128.store(tile, y1, 16);
  }
}

/** c[i] = sum over taps of w[t] * the 8 floats at a_i + table[t], from +0. */
function slideTile(n: i32, table: usize, w: usize, a0: usize, a1: usize, a2: usize, a3: usize, c: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  for (const end = table + (<usize>n << 2); table < end; ) {
    const at = load<usize>(table);
    const x = v128.load32_splat(w);
    const b00 = v128.load(a0 + at);
    const b01 = v128.load(a0 + at, 16);
    const b10 = v128.load(a1 + at);
    const b11 = v128.load(a1 + at, 16);
    const b20 = v128.load(a2 + at);
    const b21 = v128.load(a2 + at, 16);
    const b30 = v128.load(a3 + at);
    const b31 = v128.load(a3 + at, 16);
    c00 = f32x4.add(c00, f32x4.mul(x, b00));
    c01 = f32x4.add(c01, f32x4.mul(x, b01));
    c10 = f32x4.add(c10, f32x4.mul(x, b10));
    c11 = f32x4.add(c11, f32x4.mul(x, b11));
    c20 = f32x4.add(c20, f32x4.mul(x, b20));
    c21 = f32x4.add(c21, f32x4.mul(x, b21));
    c30 = f32x4.add(c30, f32x4.mul(x, b30));
    c31 = f32x4.add(c31, f32x4.mul(x, b31));
    table += 4;
    w += 4;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, 32);
  v128.store(c, c11, 48);
  v128.store(c, c20, 64);
  v128.store(c, c21, 80);
  v128.store(c, c30, 96);
  v128.store(c, c31, 112);
}

/**
 * The gradient by the weights: column x of a row adds to lane x mod 8, rows and samples in ascending order, lanes are joined at the end of a
 * segment as in a row sum. Four taps at a time.
 */
export function depthwise2dGradWeight(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const seg = load<usize>(a, 12);
  const count = load<i32>(a, 16);
  readGeometry(a + 20);
  const table = load<usize>(a, 84);
  const taps = kernelHeight * kernelWidth;
  const blocksInRow = (outWidth + 7) >> 3;
  const blocks = outHeight * blocksInRow;
  const blockTable = table + roundUp(<usize>(taps + 3) << 2);
  const gradient = blockTable + roundUp(<usize>blocks << 2);
  const tiles = gradient + (<usize>blocks << 5);
  const filterTiles = <usize>((taps + 3) >> 2) << 7;
  const allTiles = filterTiles * <usize>(groups * filters);
  const size = groups * filters * taps;
  const stack = tiles + allTiles;
  const plane = stack + roundUp(<usize>size << 2) * <usize>(33 - clz(count));
  const rows = reachedRows();
  const columns = reachedColumns();
  const cut = cutPlane(plane, rows, columns);
  cutTaps(table, rows, columns);
  fillUp(table, taps);
  const pitch = strideY * cutColumns(columns);
  let entry = blockTable;
  for (let y = 0; y < outHeight; y++) {
    for (let b = 0; b < blocksInRow; b++, entry += 4) store<u32>(entry, (y * pitch + b * 8) << 2);
  }
  memory.fill(gradient, 0, <usize>blocks << 5);
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const from = load<i32>(seg + (<usize>s << 2));
    const to = load<i32>(seg + (<usize>s << 2), 4);
    memory.fill(tiles, 0, allTiles);
    for (let n = from; n < to; n++) {
      for (let group = 0; group < groups; group++) {
        cutCopy(plane, cut, x + (<usize>((n * groups + group) * height * width) << 2), rows, columns);
        for (let f = group * filters; f < (group + 1) * filters; f++) {
          const source = g + (<usize>((n * groups * filters + f) * outHeight * outWidth) << 2);
          for (let y = 0; y < outHeight; y++) {
            copyRow(gradient + (<usize>(y * blocksInRow) << 5), source + (<usize>(y * outWidth) << 2), outWidth);
          }
          let tile = tiles + filterTiles * <usize>f;
          for (let t = table; t < table + (<usize>taps << 2); t += 16) {
            dotTile(
              blocks, blockTable, plane + load<u32>(t), plane + load<u32>(t, 4), plane + load<u32>(t, 8), plane + load<u32>(t, 12),
              gradient, tile,
            );
            tile += tileBytes;
          }
        }
      }
    }
    const into = place(out, stack, size, depth);
    for (let f = 0; f < groups * filters; f++) {
      for (let t = 0; t < taps; t++) {
        const lanes = tiles + filterTiles * <usize>f + (<usize>t << 5);
        store<f32>(into + (<usize>(f * taps + t) << 2), joinLanes(v128.load(lanes), v128.load(lanes, 16)));
      }
    }
    depth = joinSegments(out, stack, size, depth, s, s + 1 == count);
  }
}

/** c[i] += sum over blocks of 8 of the floats at a_i + table[t] times those of g. */
function dotTile(n: i32, table: usize, a0: usize, a1: usize, a2: usize, a3: usize, g: usize, c: usize): void {
  let c00 = v128.load(c);
  let c01 = v128.load(c, 16);
  let c10 = v128.load(c, 32);
  let c11 = v128.load(c, 48);
  let c20 = v128.load(c, 64);
  let c21 = v128.load(c, 80);
  let c30 = v128.load(c, 96);
  let c31 = v128.load(c, 112);
  for (const end = table + (<usize>n << 2); table < end; ) {
    const at = load<usize>(table);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const b00 = v128.load(a0 + at);
    const b01 = v128.load(a0 + at, 16);
    const b10 = v128.load(a1 + at);
    const b11 = v128.load(a1 + at, 16);
    const b20 = v128.load(a2 + at);
    const b21 = v128.load(a2 + at, 16);
    const b30 = v128.load(a3 + at);
    const b31 = v128.load(a3 + at, 16);
    c00 = f32x4.add(c00, f32x4.mul(b00, g0));
    c01 = f32x4.add(c01, f32x4.mul(b01, g1));
    c10 = f32x4.add(c10, f32x4.mul(b10, g0));
    c11 = f32x4.add(c11, f32x4.mul(b11, g1));
    c20 = f32x4.add(c20, f32x4.mul(b20, g0));
    c21 = f32x4.add(c21, f32x4.mul(b21, g1));
    c30 = f32x4.add(c30, f32x4.mul(b30, g0));
    c31 = f32x4.add(c31, f32x4.mul(b31, g1));
    table += 4;
    g += 32;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, 32);
  v128.store(c, c11, 48);
  v128.store(c, c20, 64);
  v128.store(c, c21, 80);
  v128.store(c, c30, 96);
  v128.store(c, c31, 112);
}
