import { loadSome, storeSome } from './lanes';
import { stripCols, stripPitch } from './attention-strip';

/**
 * Up to 16 queries, rows of `depth` floats padded to whole vectors, as one panel of depth x 16, times `scale`. Lanes beyond `count` repeat the
 * last query.
 */
export function packQueries(panel: usize, queries: usize, pitch: usize, count: i32, depth: i32, scale: f32): void {
  const k = f32x4.splat(scale);
  for (let q = 0; q < stripCols; q += 4) {
    const p0 = queries + <usize>min(q, count - 1) * pitch;
    const p1 = queries + <usize>min(q + 1, count - 1) * pitch;
    const p2 = queries + <usize>min(q + 2, count - 1) * pitch;
    const p3 = queries + <usize>min(q + 3, count - 1) * pitch;
    let d = panel + (<usize>q << 2);
    for (let c: usize = 0; c < <usize>depth << 2; c += 16) {
      const r0 = f32x4.mul(v128.load(p0 + c), k);
      const r1 = f32x4.mul(v128.load(p1 + c), k);
      const r2 = f32x4.mul(v128.load(p2 + c), k);
      const r3 = f32x4.mul(v128.load(p3 + c), k);
      const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(d, v128.shuffle<i64>(t0, t1, 0, 2));
      v128.store(d, v128.shuffle<i64>(t0, t1, 1, 3), 64);
      v128.store(d, v128.shuffle<i64>(t2, t3, 0, 2), 128);
      v128.store(d, v128.shuffle<i64>(t2, t3, 1, 3), 192);
      d += 256;
    }
  }
}

/** Rows of `depth` floats side by side, each padded with zeros to `padded` bytes (whole tiles), and rows of zeros up to a multiple of 4. */
export function gatherRows(dst: usize, padded: usize, src: usize, pitch: usize, count: i32, depth: i32): void {
  const whole = (<usize>depth << 2) & ~15;
  for (let i = 0; i < count; i++) {
    let c: usize = 0;
    for (; c + 32 <= whole; c += 32) {
      const x0 = v128.load(src + c);
      const x1 = v128.load(src + c, 16);
      v128.store(dst + c, x0);
      v128.store(dst + c, x1, 16);
    }
    if (c < padded) {
      const bytes = (<usize>depth << 2) - c;
      memory.fill(dst + c + bytes, 0, padded - c - bytes);
      memory.copy(dst + c, src + c, bytes);
    }
    dst += padded;
    src += pitch;
  }
  if ((count & 3) != 0) memory.fill(dst, 0, <usize>(-count & 3) * padded);
}

/** Rows of `width` floats as panels of 16 columns, one after the other, each of `keyRows` rows of 64 bytes; zeros where a panel has more columns. */
export function gatherPanels(dst: usize, keyRows: usize, src: usize, pitch: usize, count: i32, width: i32): void {
  for (let c = 0; c < width; c += stripCols) {
    gatherRows(dst, stripPitch, src + (<usize>c << 2), pitch, count, min(width - c, stripCols));
    dst += keyRows * stripPitch;
  }
}

/** `count` rows of `depth` floats from rows of `padded` bytes to rows `pitch` bytes apart. A call of `memory.copy` takes longer than a row does. */
export function copyRows(dst: usize, pitch: usize, src: usize, padded: usize, count: i32, depth: i32): void {
  for (let i = 0; i < count; i++) {
    copyRow(dst, src, depth);
    dst += pitch;
    src += padded;
  }
}

// @ts-ignore: decorator
@inline
function copyRow(dst: usize, src: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(src);
    const x1 = v128.load(src, 16);
    v128.store(dst, x0);
    v128.store(dst, x1, 16);
    dst += 32;
    src += 32;
  }
  for (; n > 0; n -= 4) {
    const some = min(n, 4);
    storeSome(dst, loadSome(src, some), some);
    dst += 16;
    src += 16;
  }
}

/** `columns` rounded up to whole tiles, in bytes of a row. */
// @ts-ignore: decorator
@inline
export function paddedBytes(columns: i32): usize {
  return <usize>((columns + stripCols - 1) & -stripCols) << 2;
}
