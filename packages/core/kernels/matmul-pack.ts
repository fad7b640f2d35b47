/**
 * Packing for matmul: blocks of A and B are copied into panels that the inner tiles read front to back. Strides are in bytes and
 * arbitrary; the two that occur (one of them 4) are fast. Lanes of the last panel beyond the block hold anything: their results are
 * dropped, and no address outside the block is read.
 */

export const panelRows: i32 = 4;
export const panelCols: i32 = 16;

/**
 * K positions that are packed for all panels before the next ones: rows of the operand are then read from end to end, a few at a time, and do not
 * push each other out of a cache whose sets they share.
 */
const positionsOfA: i32 = 16;
const positionsOfB: i32 = 8;

/** A, [m, k]: panels of 4 rows, each k x 4 floats. `m` and `k` are at least 1. */
export function packA(dst: usize, src: usize, rs: usize, cs: usize, m: i32, k: i32): void {
  const panelBytes = <usize>k << 4;
  let i = 0;
  if (cs != 4 && rs == 4) {
    // 16 rows at a time: each k then uses a whole cache line of A
    const whole = m & ~15;
    for (let from = 0; from < k; from += positionsOfA) {
      const to = min(from + positionsOfA, k);
      for (i = 0; i < whole; i += 16) {
        let p = src + (<usize>i << 2) + <usize>from * cs;
        let d = dst + <usize>i * (<usize>k << 2) + (<usize>from << 4);
        for (let c = from; c < to; c++) {
          const v0 = v128.load(p);
          const v1 = v128.load(p, 16);
          const v2 = v128.load(p, 32);
          const v3 = v128.load(p, 48);
          let e = d;
          v128.store(e, v0);
          e += panelBytes;
          v128.store(e, v1);
          e += panelBytes;
          v128.store(e, v2);
          e += panelBytes;
          v128.store(e, v3);
          d += 16;
          p += cs;
        }
      }
    }
    i = whole;
    dst += <usize>whole * (<usize>k << 2);
    for (; i + 4 <= m; i += 4) {
      let p = src + (<usize>i << 2);
      for (let c = 0; c < k; c++) {
        v128.store(dst, v128.load(p));
        dst += 16;
        p += cs;
      }
    }
  }
  for (; i < m; i += 4) {
    packLanes(dst, 16, src + <usize>i * rs, rs, cs, m - i, k);
    dst += panelBytes;
  }
}

/** B, [k, n]: panels of 16 columns, each k x 16 floats. `k` and `n` are at least 1. */
export function packB(dst: usize, src: usize, rs: usize, cs: usize, k: i32, n: i32): void {
  const panelBytes = <usize>k << 6;
  let j = 0;
  if (cs == 4) {
    // 4 panels at a time: each k then reads 256 bytes in one piece
    const whole = n & ~63;
    for (let from = 0; from < k; from += positionsOfB) {
      const to = min(from + positionsOfB, k);
      for (j = 0; j < whole; j += 64) {
        let p = src + (<usize>j << 2) + <usize>from * rs;
        let d = dst + <usize>j * (<usize>k << 2) + (<usize>from << 6);
        for (let c = from; c < to; c++) {
          copy64(d, p);
          copy64(d + panelBytes, p + 64);
          copy64(d + panelBytes * 2, p + 128);
          copy64(d + panelBytes * 3, p + 192);
          d += 64;
          p += rs;
        }
      }
    }
    j = whole;
    dst += <usize>whole * (<usize>k << 2);
    for (; j + 16 <= n; j += 16) {
      let p = src + (<usize>j << 2);
      for (let c = 0; c < k; c++) {
        copy64(dst, p);
        dst += 64;
        p += rs;
      }
    }
  }
  if (rs == 4) {
    // 16 columns at a time, four positions of each: whole cache lines of a panel are written
    for (; j + 16 <= n; j += 16) {
      let p = src + <usize>j * cs;
      let d = dst;
      let c = 0;
      for (; c + 4 <= k; c += 4) {
        transpose4(d, p, cs);
        transpose4(d + 16, p + cs * 4, cs);
        transpose4(d + 32, p + cs * 8, cs);
        transpose4(d + 48, p + cs * 12, cs);
        d += 256;
        p += 16;
      }
      for (let g: usize = 0; g < 16; g += 4) packLanes(d + (g << 2), 64, p + g * cs, cs, 4, 4, k - c);
      dst += panelBytes;
    }
  }
  for (; j < n; j += 16) {
    const cols = min(16, n - j);
    for (let g = 0; g < cols; g += 4) {
      packLanes(dst + (<usize>g << 2), 64, src + <usize>(j + g) * cs, cs, rs, cols - g, k);
    }
    dst += panelBytes;
  }
}

/**
 * Four lanes (rows of A, or columns of B), `lane` bytes apart, of which the first `lanes` exist: for each of k positions, `step` bytes
 * apart, one vector, stored `pitch` bytes apart. A lane that does not exist repeats the first.
 */
function packLanes(dst: usize, pitch: usize, src: usize, lane: usize, step: usize, lanes: i32, k: i32): void {
  let p0 = src;
  let p1 = lanes > 1 ? src + lane : src;
  let p2 = lanes > 2 ? src + lane * 2 : src;
  let p3 = lanes > 3 ? src + lane * 3 : src;
  if (step == 4) {
    for (; k >= 4; k -= 4) {
      const r0 = v128.load(p0);
      const r1 = v128.load(p1);
      const r2 = v128.load(p2);
      const r3 = v128.load(p3);
      const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(dst, v128.shuffle<i64>(t0, t1, 0, 2));
      dst += pitch;
      v128.store(dst, v128.shuffle<i64>(t0, t1, 1, 3));
      dst += pitch;
      v128.store(dst, v128.shuffle<i64>(t2, t3, 0, 2));
      dst += pitch;
      v128.store(dst, v128.shuffle<i64>(t2, t3, 1, 3));
      dst += pitch;
      p0 += 16;
      p1 += 16;
      p2 += 16;
      p3 += 16;
    }
  }
  for (; k > 0; k--) {
    store<u32>(dst, load<u32>(p0));
    store<u32>(dst, load<u32>(p1), 4);
    store<u32>(dst, load<u32>(p2), 8);
    store<u32>(dst, load<u32>(p3), 12);
    dst += pitch;
    p0 += step;
    p1 += step;
    p2 += step;
    p3 += step;
  }
}

// @ts-ignore: decorator
@inline
function copy64(d: usize, p: usize): void {
  const v0 = v128.load(p);
  const v1 = v128.load(p, 16);
  const v2 = v128.load(p, 32);
  const v3 = v128.load(p, 48);
  v128.store(d, v0);
  v128.store(d, v1, 16);
  v128.store(d, v2, 32);
  v128.store(d, v3, 48);
}

/** Four positions of four columns, `lane` bytes apart, into rows of a panel of B. */
// @ts-ignore: decorator
@inline
function transpose4(d: usize, p: usize, lane: usize): void {
  const r0 = v128.load(p);
  const r1 = v128.load(p + lane);
  const r2 = v128.load(p + lane * 2);
  const r3 = v128.load(p + lane * 3);
  const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(d, v128.shuffle<i64>(t0, t1, 0, 2));
  v128.store(d, v128.shuffle<i64>(t0, t1, 1, 3), 64);
  v128.store(d, v128.shuffle<i64>(t2, t3, 0, 2), 128);
  v128.store(d, v128.shuffle<i64>(t2, t3, 1, 3), 192);
}
