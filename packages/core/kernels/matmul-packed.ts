import { addBias, copyTile, putTile, tile, tilePitch, zeroTile } from './matmul-output';
import { packA, packB } from './matmul-pack';

/**
 * A product with a matrix on the right that is used many times, as the recurrent weight at each time step: it is packed once, in blocks of
 * blockK rows, each block in panels of 16 columns. The sums are those of `matmul`.
 */

/** K positions of a block; a caller's scratch has room for blockM rows of so many. */
const blockK: i32 = 256;
const blockM: i32 = 128;

// the scratch of `matmulPacked`
const edgeAt: usize = 0;
const aPackAt: usize = 256;

export function packRight(a: usize): void {
  const out = load<usize>(a);
  const b = load<usize>(a, 4);
  const k = load<i32>(a, 8);
  const n = load<i32>(a, 12);
  const brs = load<usize>(a, 16) << 2;
  const bcs = load<usize>(a, 20) << 2;
  const width = <usize>((n + 15) & ~15) << 2;
  for (let k0 = 0; k0 < k; k0 += blockK) {
    packB(out + <usize>k0 * width, b + <usize>k0 * brs, brs, bcs, min(blockK, k - k0), n);
  }
}

export function matmulPacked(a: usize): void {
  const out = load<usize>(a);
  const left = load<usize>(a, 4);
  const packed = load<usize>(a, 8);
  const m = load<i32>(a, 12);
  const n = load<i32>(a, 16);
  const k = load<i32>(a, 20);
  const ars = load<usize>(a, 24) << 2;
  const goOn = load<i32>(a, 28) != 0;
  const bias = load<usize>(a, 32);
  const scratch = load<usize>(a, 36);
  const edge = scratch + edgeAt;
  const aPack = scratch + aPackAt;
  const pitch = <usize>n << 2;
  const width = <usize>((n + 15) & ~15) << 2;
  for (let k0 = 0; k0 < k; k0 += blockK) {
    const kb = min(blockK, k - k0);
    const fresh = k0 == 0 && !goOn;
    const biasNow = k0 + kb == k ? bias : 0;
    for (let i0 = 0; i0 < m; i0 += blockM) {
      const mb = min(blockM, m - i0);
      packA(aPack, left + <usize>i0 * ars + (<usize>k0 << 2), ars, 4, mb, kb);
      let bp = packed + <usize>k0 * width;
      for (let j = 0; j < n; j += 16) {
        const cols = min(16, n - j);
        const biasAt = biasNow == 0 ? 0 : biasNow + (<usize>j << 2);
        let ap = aPack;
        let c = out + <usize>i0 * pitch + (<usize>j << 2);
        for (let i = 0; i < mb; i += 4) {
          const rows = min(4, mb - i);
          if (rows == 4 && cols == 16) {
            tile(kb, ap, bp, fresh ? zeroTile : c, fresh ? tilePitch : pitch, c, pitch);
            if (biasAt != 0) addBias(c, pitch, biasAt);
          } else {
            if (!fresh) copyTile(edge, tilePitch, c, pitch, rows, cols);
            tile(kb, ap, bp, fresh ? zeroTile : edge, tilePitch, edge, tilePitch);
            putTile(c, pitch, edge, rows, cols, biasAt);
          }
          ap += <usize>kb << 4;
          c += pitch << 2;
        }
        bp += <usize>kb << 6;
      }
    }
  }
}
