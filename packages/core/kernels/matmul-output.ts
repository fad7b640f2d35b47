import { loadSome, storeSome } from './lanes';
import { direct4x16, direct4x8 } from './matmul-direct';
import { tile4x16, tile4x8 } from './matmul-tiles';
import { relu4 } from './vector-math';

/** The inner tile in the shape that is faster here, and what becomes of it. */

/** A 4 x 16 tile of floats. */
export const tileBytes: usize = 256;
export const tilePitch: usize = 64;

/** 16 x 4 zeros, where every sum starts. Never written. */
export const zeroTile: usize = memory.data(256, 16);

/** Set once per thread by the loader: whether two 4 x 8 tiles are faster here than one 4 x 16. The bits are the same. */
let narrow: bool = false;

export function setNarrowTiles(on: i32): void {
  narrow = on != 0;
}

export function isNarrow(): bool {
  return narrow;
}

/** A and B packed, in the shape of tile that is faster here. */
// @ts-ignore: decorator
@inline
export function tile(k: i32, a: usize, b: usize, s: usize, sld: usize, c: usize, cld: usize): void {
  if (narrow) {
    tile4x8(k, a, b, s, sld, c, cld);
    tile4x8(k, a, b + 32, s + 32, sld, c + 32, cld);
  } else {
    tile4x16(k, a, b, s, sld, c, cld);
  }
}

/** B with rows `bld` bytes apart. */
export function directTile(k: i32, a: usize, b: usize, bld: usize, s: usize, sld: usize, c: usize, cld: usize): void {
  if (narrow) {
    direct4x8(k, a, b, bld, s, sld, c, cld);
    direct4x8(k, a, b + 32, bld, s + 32, sld, c + 32, cld);
  } else {
    direct4x16(k, a, b, bld, s, sld, c, cld);
  }
}

/** dst += src, whole tiles. */
export function addTile(dst: usize, src: usize): void {
  for (const end = dst + tileBytes; dst < end; dst += 64, src += 64) {
    const x0 = v128.load(dst);
    const x1 = v128.load(dst, 16);
    const x2 = v128.load(dst, 32);
    const x3 = v128.load(dst, 48);
    const y0 = f32x4.add(x0, v128.load(src));
    const y1 = f32x4.add(x1, v128.load(src, 16));
    const y2 = f32x4.add(x2, v128.load(src, 32));
    const y3 = f32x4.add(x3, v128.load(src, 48));
    v128.store(dst, y0);
    v128.store(dst, y1, 16);
    v128.store(dst, y2, 32);
    v128.store(dst, y3, 48);
  }
}

/** Adds 16 floats of bias to each of 4 rows. */
export function addBias(c: usize, pitch: usize, bias: usize): void {
  const b0 = v128.load(bias);
  const b1 = v128.load(bias, 16);
  const b2 = v128.load(bias, 32);
  const b3 = v128.load(bias, 48);
  for (let i = 0; i < 4; i++) {
    const y0 = f32x4.add(v128.load(c), b0);
    const y1 = f32x4.add(v128.load(c, 16), b1);
    const y2 = f32x4.add(v128.load(c, 32), b2);
    const y3 = f32x4.add(v128.load(c, 48), b3);
    v128.store(c, y0);
    v128.store(c, y1, 16);
    v128.store(c, y2, 32);
    v128.store(c, y3, 48);
    c += pitch;
  }
}

/** What follows a product, on rows of it that are in cache: plus `addend` if there is one, then ReLU. */
export function endWith(c: usize, pitch: usize, rows: i32, cols: i32, addend: usize, relu: bool): void {
  for (let i = 0; i < rows; i++) {
    if (addend != 0) {
      addRow(c, addend, cols);
      addend += pitch;
    }
    if (relu) reluRow(c, cols);
    c += pitch;
  }
}

function addRow(c: usize, x: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const y0 = f32x4.add(v128.load(c), v128.load(x));
    const y1 = f32x4.add(v128.load(c, 16), v128.load(x, 16));
    v128.store(c, y0);
    v128.store(c, y1, 16);
    c += 32;
    x += 32;
  }
  for (; n > 0; n -= 4) {
    const some = min(n, 4);
    storeSome(c, f32x4.add(loadSome(c, some), loadSome(x, some)), some);
    c += 16;
    x += 16;
  }
}

function reluRow(c: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const y0 = relu4(v128.load(c));
    const y1 = relu4(v128.load(c, 16));
    v128.store(c, y0);
    v128.store(c, y1, 16);
    c += 32;
  }
  for (; n > 0; n -= 4) {
    const some = min(n, 4);
    storeSome(c, relu4(loadSome(c, some)), some);
    c += 16;
  }
}

/** Copies the part of a tile that exists. */
export function copyTile(dst: usize, dstPitch: usize, src: usize, srcPitch: usize, rows: i32, cols: i32): void {
  for (let i = 0; i < rows; i++) {
    memory.copy(dst, src, <usize>cols << 2);
    dst += dstPitch;
    src += srcPitch;
  }
}

/** As `putTile`, with +0 added first: a sum that began with its first product may be -0, where one that began with +0 is not. */
export function finishTile(c: usize, pitch: usize, src: usize, rows: i32, cols: i32, bias: usize): void {
  const zero = f32x4.splat(0);
  for (let t = src; t < src + tileBytes; t += 32) {
    const y0 = f32x4.add(v128.load(t), zero);
    const y1 = f32x4.add(v128.load(t, 16), zero);
    v128.store(t, y0);
    v128.store(t, y1, 16);
  }
  putTile(c, pitch, src, rows, cols, bias);
}

/** Writes the part of a tile that exists to the output, with the bias if there is one. */
export function putTile(c: usize, pitch: usize, src: usize, rows: i32, cols: i32, bias: usize): void {
  if (rows == 4 && cols == 16) {
    for (let i: usize = 0; i < 4; i++) {
      const x0 = v128.load(src);
      const x1 = v128.load(src, 16);
      const x2 = v128.load(src, 32);
      const x3 = v128.load(src, 48);
      const d = c + i * pitch;
      v128.store(d, x0);
      v128.store(d, x1, 16);
      v128.store(d, x2, 32);
      v128.store(d, x3, 48);
      src += tilePitch;
    }
    if (bias != 0) addBias(c, pitch, bias);
    return;
  }
  for (let i = 0; i < rows; i++) {
    for (let j: usize = 0; j < <usize>cols; j++) {
      let x = load<f32>(src + (j << 2));
      if (bias != 0) x += load<f32>(bias + (j << 2));
      store<f32>(c + (j << 2), x);
    }
    src += tilePitch;
    c += pitch;
  }
}
