import { storeSome } from './lanes';
import { packB } from './matmul-pack';
import { stripCols, stripPitch } from './attention-strip';

/** Queries `[count, depth]` as one panel of depth x 16, times `scale`; lanes beyond `count` hold anything. */
export function packQueries(panel: usize, queries: usize, pitch: usize, count: i32, depth: i32, scale: f32): void {
  packB(panel, queries, 4, pitch, depth, count);
  const k = f32x4.splat(scale);
  for (let c = 0; c < depth; c++) {
    const x0 = v128.load(panel);
    const x1 = v128.load(panel, 16);
    const x2 = v128.load(panel, 32);
    const x3 = v128.load(panel, 48);
    const y0 = f32x4.mul(x0, k);
    const y1 = f32x4.mul(x1, k);
    const y2 = f32x4.mul(x2, k);
    const y3 = f32x4.mul(x3, k);
    v128.store(panel, y0);
    v128.store(panel, y1, 16);
    v128.store(panel, y2, 32);
    v128.store(panel, y3, 48);
    panel += 64;
  }
}

/** out[q][c] = panel[c][q] * factor[q] for `count` queries and `depth` columns; rows of out are `pitch` bytes apart. */
export function unpackQueries(out: usize, pitch: usize, panel: usize, count: i32, depth: i32, factor: usize): void {
  for (let q = 0; q < count; q += 4) {
    const there = min(count - q, 4);
    const f = v128.load(factor + (<usize>q << 2));
    let p = panel + (<usize>q << 2);
    for (let c = 0; c < depth; c += 4) {
      const width = min(depth - c, 4);
      const r0 = f32x4.mul(v128.load(p), f);
      const r1 = f32x4.mul(v128.load(p, 64), f);
      const r2 = f32x4.mul(v128.load(p, 128), f);
      const r3 = f32x4.mul(v128.load(p, 192), f);
      const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      let o = out + <usize>q * pitch + (<usize>c << 2);
      storeSome(o, v128.shuffle<i64>(t0, t1, 0, 2), width);
      o += pitch;
      if (there > 1) storeSome(o, v128.shuffle<i64>(t0, t1, 1, 3), width);
      o += pitch;
      if (there > 2) storeSome(o, v128.shuffle<i64>(t2, t3, 0, 2), width);
      o += pitch;
      if (there > 3) storeSome(o, v128.shuffle<i64>(t2, t3, 1, 3), width);
      p += stripPitch << 2;
    }
  }
}

/** Up to 16 rows of `depth` floats, each padded with zeros to `padded` bytes: the right-hand side of tiles of 16 columns. */
export function padRows(dst: usize, padded: usize, src: usize, pitch: usize, count: i32, depth: i32): void {
  const bytes = <usize>depth << 2;
  for (let i = 0; i < count; i++) {
    memory.copy(dst, src, bytes);
    memory.fill(dst + bytes, 0, padded - bytes);
    dst += padded;
    src += pitch;
  }
}

/** `count` rows of `depth` floats from rows of `padded` bytes to rows `pitch` bytes apart. */
export function copyRows(dst: usize, pitch: usize, src: usize, padded: usize, count: i32, depth: i32): void {
  for (let i = 0; i < count; i++) {
    memory.copy(dst, src, <usize>depth << 2);
    dst += pitch;
    src += padded;
  }
}

/** `columns` rounded up to whole tiles, in bytes of a row. */
// @ts-ignore: decorator
@inline
export function paddedBytes(columns: i32): usize {
  return <usize>((columns + stripCols - 1) & -stripCols) << 2;
}
