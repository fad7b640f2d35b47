import { aPackAt, blockK, blockM, blockN, bPackAt, edgeAt, evenStep, oneBlockK } from './matmul-blocks';
import { addBias, copyTile, directTile, endWith, putTile, tile, tilePitch, zeroTile } from './matmul-output';
import { packA, packB } from './matmul-pack';
import { segmented } from './matmul-segmented';

export { blockK, blockM, matmulScratchBytes } from './matmul-blocks';
export { addBias, copyTile, isNarrow, putTile, setNarrowTiles, tile, tilePitch, zeroTile } from './matmul-output';

/**
 * Matrix product after Goto and van de Geijn ("Anatomy of high-performance matrix multiplication"): B is packed in blocks of
 * blockK x blockN, A in blocks of blockM x blockK, and tiles of 4 x 16 run over both. Every output element is one sum over
 * k in ascending order from +0, whatever the blocks: an element's sum rests in `out` (or, with segments, in its tile's stack) between K blocks.
 */

/** Up to this many rows a row-major B is read where it lies: packing it would cost more than it saves. */
const directRows: i32 = 8;

export function matmul(a: usize): void {
  product(a, 0, false);
}

/** A product that ends with what follows it: plus a matrix of the same shape, or 0 for none, then ReLU if asked for. */
export function matmulThen(a: usize): void {
  product(a, load<usize>(a, 72), load<i32>(a, 76) != 0);
}

function product(a: usize, addend: usize, relu: bool): void {
  let out = load<usize>(a);
  let left = load<usize>(a, 4);
  let right = load<usize>(a, 8);
  const m = load<i32>(a, 12);
  const n = load<i32>(a, 16);
  let k = load<i32>(a, 20);
  const ars = load<usize>(a, 24) << 2;
  const acs = load<usize>(a, 28) << 2;
  const brs = load<usize>(a, 32) << 2;
  const bcs = load<usize>(a, 36) << 2;
  const batch = load<i32>(a, 40);
  const leftStep = load<usize>(a, 44) << 2;
  const rightStep = load<usize>(a, 48) << 2;
  const outStep = load<usize>(a, 52) << 2;
  const seg = load<usize>(a, 56);
  const nseg = load<i32>(a, 60);
  const bias = load<usize>(a, 64);
  const scratch = load<usize>(a, 68);
  if (m <= 0 || n <= 0) return;

  if (nseg == 1) {
    const start = load<u32>(seg);
    left += <usize>start * acs;
    right += <usize>start * brs;
    k = load<u32>(seg, 4) - start;
  }
  for (let i = 0; i < batch; i++) {
    if (nseg > 1) segmented(out, left, right, m, n, ars, acs, brs, bcs, seg, nseg, bias, scratch);
    else if (k > 0) whole(out, left, right, m, n, k, ars, acs, brs, bcs, bias, addend, relu, scratch);
    else empty(out, m, n, bias);
    if (nseg > 1 || k <= 0) endWith(out, <usize>n << 2, m, n, addend, relu);
    if (addend != 0) addend += outStep;
    out += outStep;
    left += leftStep;
    right += rightStep;
  }
}

/** One segment: sums rest in `out` between K blocks. */
function whole(
  out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, ars: usize, acs: usize, brs: usize, bcs: usize,
  bias: usize, addend: usize, relu: bool, scratch: usize,
): void {
  const aPack = scratch + aPackAt;
  const bPack = scratch + bPackAt;
  const edge = scratch + edgeAt;
  const pitch = <usize>n << 2;
  const direct = bcs == 4 && m <= directRows;
  const kStep = k <= oneBlockK ? k : evenStep(k, blockK, 4);
  const nStep = evenStep(n, blockN, 16);
  for (let j0 = 0; j0 < n; j0 += nStep) {
    const nb = min(nStep, n - j0);
    for (let k0 = 0; k0 < k; k0 += kStep) {
      const kb = min(kStep, k - k0);
      const first = k0 == 0;
      const biasNow = k0 + kb == k ? bias : 0;
      const ending = k0 + kb == k && (relu || addend != 0);
      const bBlock = b + <usize>k0 * brs + <usize>j0 * bcs;
      const packedFrom = direct ? nb & ~15 : 0;
      if (packedFrom < nb) {
        packB(bPack + <usize>packedFrom * (<usize>kb << 2), bBlock + <usize>packedFrom * bcs, brs, bcs, kb, nb - packedFrom);
      }
      for (let i0 = 0; i0 < m; i0 += blockM) {
        const mb = min(blockM, m - i0);
        packA(aPack, a + <usize>i0 * ars + <usize>k0 * acs, ars, acs, mb, kb);
        for (let j = 0; j < nb; j += 16) {
          const cols = min(16, nb - j);
          const inPlace = j < packedFrom;
          const bp = inPlace ? bBlock + (<usize>j << 2) : bPack + <usize>j * (<usize>kb << 2);
          const biasAt = biasNow == 0 ? 0 : biasNow + (<usize>(j0 + j) << 2);
          let ap = aPack;
          let c = out + <usize>i0 * pitch + (<usize>(j0 + j) << 2);
          for (let i = 0; i < mb; i += 4) {
            const rows = min(4, mb - i);
            if (rows == 4 && cols == 16) {
              const from = first ? zeroTile : c;
              const fromPitch = first ? tilePitch : pitch;
              if (inPlace) directTile(kb, ap, bp, brs, from, fromPitch, c, pitch);
              else tile(kb, ap, bp, from, fromPitch, c, pitch);
              if (biasAt != 0) addBias(c, pitch, biasAt);
            } else {
              if (!first) copyTile(edge, tilePitch, c, pitch, rows, cols);
              if (inPlace) directTile(kb, ap, bp, brs, first ? zeroTile : edge, tilePitch, edge, tilePitch);
              else tile(kb, ap, bp, first ? zeroTile : edge, tilePitch, edge, tilePitch);
              putTile(c, pitch, edge, rows, cols, biasAt);
            }
            if (ending) endWith(c, pitch, rows, cols, addend == 0 ? 0 : addend + (c - out), relu);
            ap += <usize>kb << 4;
            c += pitch << 2;
          }
        }
      }
    }
  }
}

/** A product over nothing: zeros, and the bias. */
function empty(out: usize, m: i32, n: i32, bias: usize): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      store<f32>(out, bias == 0 ? 0 : <f32>0 + load<f32>(bias + (<usize>j << 2)));
      out += 4;
    }
  }
}

