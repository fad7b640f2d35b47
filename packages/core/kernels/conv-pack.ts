/** What convolution lays out anew: images with their padding, weights by 16 filters, and tables of offsets. Pitches are in bytes. */

export function roundUp(bytes: usize): usize {
  return (bytes + 63) & ~63;
}

/** Bytes from one padded plane to the next: an odd number of cache lines, so that planes do not compete for the same sets of the cache. */
export function planePitch(rows: i32, columns: i32): usize {
  return roundUp(<usize>rows * <usize>columns << 2) | 64;
}

/** Copies planes of h x w into planes of rows x columns, `top` and `left` from the corner; what does not fit is cut off. */
export function padPlanes(dst: usize, src: usize, planes: i32, h: i32, w: i32, rows: i32, columns: i32, top: i32, left: i32): void {
  const pitch = planePitch(rows, columns);
  const row = <usize>columns << 2;
  const copied = min(w, columns - left);
  for (; planes > 0; planes--) {
    let to = dst + <usize>top * row + (<usize>left << 2);
    let from = src;
    for (let y = min(h, rows - top); y > 0; y--) {
      copyRow(to, from, copied);
      to += row;
      from += <usize>w << 2;
    }
    dst += pitch;
    src += <usize>h * <usize>w << 2;
  }
}

/** n floats; nothing beyond is touched. */
export function copyRow(dst: usize, src: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const v0 = v128.load(src);
    const v1 = v128.load(src, 16);
    v128.store(dst, v0);
    v128.store(dst, v1, 16);
    dst += 32;
    src += 32;
  }
  if (n >= 4) {
    v128.store(dst, v128.load(src));
    dst += 16;
    src += 16;
    n -= 4;
  }
  for (; n > 0; n--) {
    store<u32>(dst, load<u32>(src));
    dst += 4;
    src += 4;
  }
}

/**
 * Panels of 16 lanes, each n x 16 floats: lane j of entry t is the float at src + table[t] + j * lane. Lanes that do not exist are 0.
 */
export function packLanes(dst: usize, src: usize, table: usize, n: i32, lane: usize, lanes: i32): void {
  for (; lanes > 0; lanes -= 16) {
    const some = min(16, lanes);
    for (let t = 0; t < n; t++) {
      let p = src + load<u32>(table + (<usize>t << 2));
      let d = dst;
      for (const end = dst + (<usize>some << 2); d < end; d += 4) {
        store<u32>(d, load<u32>(p));
        p += lane;
      }
      for (const end = dst + 64; d < end; d += 4) store<u32>(d, 0);
      dst += 64;
    }
    src += lane << 4;
  }
}

/** Rows of n floats, `lanes` of them: panels of 16 rows, each n x 16 floats (a transposition). Lanes that do not exist are 0. */
export function packRows(dst: usize, src: usize, n: i32, lanes: i32): void {
  const row = <usize>n << 2;
  for (; lanes > 0; lanes -= 16) {
    for (let g = 0; g < 16; g += 4) {
      const some = lanes - g;
      let d = dst + (<usize>g << 2);
      let p = src + <usize>g * row;
      let t = 0;
      if (some >= 4) {
        for (; t + 4 <= n; t += 4) {
          const r0 = v128.load(p);
          const r1 = v128.load(p + row);
          const r2 = v128.load(p + row * 2);
          const r3 = v128.load(p + row * 3);
          const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
          const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
          const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
          const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
          v128.store(d, v128.shuffle<i64>(t0, t1, 0, 2));
          v128.store(d, v128.shuffle<i64>(t0, t1, 1, 3), 64);
          v128.store(d, v128.shuffle<i64>(t2, t3, 0, 2), 128);
          v128.store(d, v128.shuffle<i64>(t2, t3, 1, 3), 192);
          d += 256;
          p += 16;
        }
      }
      for (; t < n; t++) {
        for (let i = 0; i < 4; i++) {
          store<u32>(d + (<usize>i << 2), i < some ? load<u32>(p + <usize>i * row) : 0);
        }
        d += 64;
        p += 4;
      }
    }
    dst += row << 4;
    src += row << 4;
  }
}

/** Repeats the last entry up to a multiple of four entries, so that four can be read at a time. */
export function fillUp(table: usize, n: i32): void {
  if (n == 0) return;
  const last = load<u32>(table + (<usize>(n - 1) << 2));
  for (; n & 3; n++) store<u32>(table + (<usize>n << 2), last);
}
