import { packA, packB } from './matmul-pack';
import { segments4x16 } from './matmul-segments';
import { rows4x16, rows4x8, tile4x16, tile4x8 } from './matmul-tiles';

/**
 * Matrix product after Goto and van de Geijn ("Anatomy of high-performance matrix multiplication"): B is packed in blocks of
 * blockK x blockN, A in blocks of blockM x blockK, and tiles of 4 x 16 run over both. Every output element is one sum over
 * k in ascending order from +0, whatever the blocks: an element's sum rests in `out` (or, with segments, in its tile's stack) between K blocks.
 */

/** K positions of a block: a panel of B (16 KiB) stays in the first-level cache. */
export const blockK: i32 = 256;
/** Rows of a block of A: 128 KiB, which stays in the second-level cache. */
export const blockM: i32 = 128;
/** Columns of a block of B (1 MiB): A is packed again for each. */
const blockN: i32 = 1024;
/** With segments B is packed again for each block of rows, so more of them. */
const segmentedBlockM: i32 = 256;
/** Segments over a K of up to this many positions are taken in one K block: panels of B of 64 KiB then come from the second-level cache. */
const wholeK: i32 = 1024;
/** Up to this many rows a row-major B is read where it lies: packing it would cost more than it saves. */
const directRows: i32 = 8;

/** A 4 x 16 tile of floats. */
const tileBytes: usize = 256;
export const tilePitch: usize = 64;

// the scratch of a thread
const edgeAt: usize = 0;
const aPackAt: usize = 256;
const bPackAt: usize = aPackAt + <usize>segmentedBlockM * blockK * 4;
const stackAt: usize = bPackAt + <usize>blockN * blockK * 4;
const stackBytes: usize = 4 << 20;

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

/** Bytes of scratch a thread needs for `matmul`, whatever the shapes. */
export function matmulScratchBytes(): usize {
  return stackAt + stackBytes;
}

export function matmul(a: usize): void {
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
    else if (k > 0) whole(out, left, right, m, n, k, ars, acs, brs, bcs, bias, scratch);
    else empty(out, m, n, bias);
    out += outStep;
    left += leftStep;
    right += rightStep;
  }
}

/** One segment: sums rest in `out` between K blocks. */
function whole(
  out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, ars: usize, acs: usize, brs: usize, bcs: usize, bias: usize, scratch: usize,
): void {
  const aPack = scratch + aPackAt;
  const bPack = scratch + bPackAt;
  const edge = scratch + edgeAt;
  const pitch = <usize>n << 2;
  const direct = bcs == 4 && m <= directRows;
  for (let j0 = 0; j0 < n; j0 += blockN) {
    const nb = min(blockN, n - j0);
    for (let k0 = 0; k0 < k; k0 += blockK) {
      const kb = min(blockK, k - k0);
      const first = k0 == 0;
      const biasNow = k0 + kb == k ? bias : 0;
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
          const bld = inPlace ? brs : tilePitch;
          const biasAt = biasNow == 0 ? 0 : biasNow + (<usize>(j0 + j) << 2);
          let ap = aPack;
          let c = out + <usize>i0 * pitch + (<usize>(j0 + j) << 2);
          for (let i = 0; i < mb; i += 4) {
            const rows = min(4, mb - i);
            if (rows == 4 && cols == 16) {
              tile(kb, ap, bp, bld, first ? zeroTile : c, first ? tilePitch : pitch, c, pitch);
              if (biasAt != 0) addBias(c, pitch, biasAt);
            } else {
              if (!first) copyTile(edge, tilePitch, c, pitch, rows, cols);
              tile(kb, ap, bp, bld, first ? zeroTile : edge, tilePitch, edge, tilePitch);
              putTile(c, pitch, edge, rows, cols, biasAt);
            }
            ap += <usize>kb << 4;
            c += pitch << 2;
          }
        }
      }
    }
  }
}

/**
 * Several segments: a tile has a stack of tiles, one per open sub-tree, at most floor(log2 nseg) + 1 (docs/kernels.md, Segments). A finished
 * segment's sum is joined to those below it while it is in registers. Where all of K is one block a tile is finished before the next
 * begins, and all share one stack; else each has its own, and the running segment's sum rests on top of it between K blocks.
 */
function segmented(
  out: usize, a: usize, b: usize, m: i32, n: i32, ars: usize, acs: usize, brs: usize, bcs: usize,
  seg: usize, nseg: i32, bias: usize, scratch: usize,
): void {
  const aPack = scratch + aPackAt;
  const bPack = scratch + bPackAt;
  const stack = scratch + stackAt;
  const pitch = <usize>n << 2;
  const stackStep = <usize>(32 - clz(nseg)) * tileBytes;
  const kStart = load<i32>(seg);
  const kEnd = load<i32>(seg + (<usize>nseg << 2));
  const atOnce = kEnd - kStart <= wholeK;
  const kStep = atOnce ? kEnd - kStart : blockK;
  const mStep = min(segmentedBlockM, (segmentedBlockM * blockK / kStep) & ~3);
  const tileRows = (min(m, mStep) + 3) >> 2;
  const fitting = atOnce ? blockN * blockK / kStep : <i32>(stackBytes / (<usize>tileRows * stackStep)) << 4;
  const nStep = min(blockN, fitting & ~15);
  const baseStep = atOnce ? 0 : stackStep;
  const paired = atOnce && !narrow;
  for (let j0 = 0; j0 < n; j0 += nStep) {
    const nb = min(nStep, n - j0);
    for (let i0 = 0; i0 < m; i0 += mStep) {
      const mb = min(mStep, m - i0);
      let blockSeg = 0; // the segment at the start of the K block, and the finished tiles below it
      let blockTop = 0;
      for (let k0 = kStart; k0 < kEnd; k0 += kStep) {
        const kb = min(kStep, kEnd - k0);
        const k1 = k0 + kb;
        if (!atOnce || i0 == 0) packB(bPack, b + <usize>k0 * brs + <usize>j0 * bcs, brs, bcs, kb, nb);
        packA(aPack, a + <usize>i0 * ars + <usize>k0 * acs, ars, acs, mb, kb);
        let base = stack;
        let s = 0;
        let top = 0;
        for (let j = 0; j < nb; j += 16) {
          const bp = bPack + <usize>j * (<usize>kb << 2);
          const biasAt = bias == 0 ? 0 : bias + (<usize>(j0 + j) << 2);
          let ap = aPack;
          for (let i = 0; i < mb; i += 4) {
            s = blockSeg;
            top = blockTop;
            for (let at = k0; at < k1;) {
              const bounds = seg + (<usize>s << 2);
              const slot = base + <usize>top * tileBytes;
              const as = ap + (<usize>(at - k0) << 4);
              const bs = bp + (<usize>(at - k0) << 6);
              let end = load<i32>(bounds, 4);
              if (paired && s + 2 <= nseg) {
                s += 2;
                const joins = s == nseg ? top : ctz(s) - 1;
                const middle = end;
                end = load<i32>(bounds, 8);
                segments4x16(middle - at, end - middle, as, bs, slot, joins);
                top += 1 - joins;
              } else {
                const from = at == load<i32>(bounds) ? zeroTile : slot;
                const finished = end <= k1;
                end = min(end, k1);
                tile(end - at, as, bs, tilePitch, from, tilePitch, slot, tilePitch);
                if (finished) {
                  s++;
                  const joins = s == nseg ? top : ctz(s);
                  for (let below = slot; below > slot - <usize>joins * tileBytes; below -= tileBytes) addTile(below - tileBytes, below);
                  top += 1 - joins;
                }
              }
              at = end;
            }
            if (k1 == kEnd) putTile(out + <usize>(i0 + i) * pitch + (<usize>(j0 + j) << 2), pitch, base, min(4, mb - i), min(16, nb - j), biasAt);
            ap += <usize>kb << 4;
            base += baseStep;
          }
        }
        blockSeg = s;
        blockTop = top;
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

/** A packed, in the shape of tile that is faster here. */
// @ts-ignore: decorator
@inline
export function tile(k: i32, a: usize, b: usize, bld: usize, s: usize, sld: usize, c: usize, cld: usize): void {
  if (narrow) {
    tile4x8(k, a, b, bld, s, sld, c, cld);
    tile4x8(k, a, b + 32, bld, s + 32, sld, c + 32, cld);
  } else {
    tile4x16(k, a, b, bld, s, sld, c, cld);
  }
}

/** A in 4 rows of 16 floats. */
// @ts-ignore: decorator
@inline
export function rowTile(k: i32, a: usize, b: usize, bld: usize, s: usize, sld: usize, c: usize, cld: usize): void {
  if (narrow) {
    rows4x8(k, a, b, bld, s, sld, c, cld);
    rows4x8(k, a, b + 32, bld, s + 32, sld, c + 32, cld);
  } else {
    rows4x16(k, a, b, bld, s, sld, c, cld);
  }
}

/** dst += src, whole tiles. */
function addTile(dst: usize, src: usize): void {
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

/** Copies the part of a tile that exists. */
export function copyTile(dst: usize, dstPitch: usize, src: usize, srcPitch: usize, rows: i32, cols: i32): void {
  for (let i = 0; i < rows; i++) {
    memory.copy(dst, src, <usize>cols << 2);
    dst += dstPitch;
    src += srcPitch;
  }
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
