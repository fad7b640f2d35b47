import { aPackAt, blockK, blockN, bPackAt, segmentedBlockM, stackAt, stackBytes } from './matmul-blocks';
import { addTile, finishTile, isNarrow, tile, tileBytes, tilePitch, zeroTile } from './matmul-output';
import { packA, packB } from './matmul-pack';
import { quadsOf } from './matmul-quads';
import { segments4x16 } from './matmul-segments';
import { mostQuads, shortSegments } from './matmul-short';

/** Segments over a K of up to this many positions are taken in one K block: panels of B of 64 KiB then come from the second-level cache. */
const wholeK: i32 = 1024;
/** Segments of up to this many positions are added in quads. */
const shortSegment: i32 = 4;

/**
 * A product over several segments, each one's sums by themselves (docs/kernels.md, Segments). A tile has a stack of tiles, one for each open
 * sub-tree, at most floor(log2 nseg) + 1.
 */
export function segmented(
  out: usize, a: usize, b: usize, m: i32, n: i32, ars: usize, acs: usize, brs: usize, bcs: usize,
  seg: usize, nseg: i32, bias: usize, scratch: usize,
): void {
  const k = load<i32>(seg + (<usize>nseg << 2)) - load<i32>(seg);
  const longest = longestSegment(seg, nseg);
  if (isNarrow() || k > wholeK) {
    const inRegisters = !isNarrow() && longest <= blockK;
    inBlocks(inRegisters, out, a, b, m, n, ars, acs, brs, bcs, seg, nseg, bias, scratch);
    return;
  }
  if (longest <= shortSegment && ars == 4 && bcs == 4 && quadsOf(nseg, longest) <= mostQuads) {
    shortSegments(out, a, b, m, n, acs, brs, seg, nseg, longest, bias, scratch + aPackAt, scratch + bPackAt, scratch + stackAt);
    return;
  }
  a += <usize>load<i32>(seg) * acs;
  b += <usize>load<i32>(seg) * brs;
  atOnce(out, a, b, m, n, k, ars, acs, brs, bcs, seg, nseg, bias, scratch);
}

function longestSegment(seg: usize, nseg: i32): i32 {
  let longest = 0;
  for (const end = seg + (<usize>nseg << 2); seg < end; seg += 4) longest = max(longest, load<i32>(seg, 4) - load<i32>(seg));
  return longest;
}

/** How far segments from `first` on go that end at or before position `end`; at least one does. */
function lastFitting(seg: usize, nseg: i32, first: i32, end: i32): i32 {
  let last = first + 1;
  while (last < nseg && load<i32>(seg + (<usize>last << 2), 4) <= end) last++;
  return last;
}

/** All of K in one block: a tile is finished before the next begins, and all share one stack. */
function atOnce(
  out: usize, a: usize, b: usize, m: i32, n: i32, k: i32, ars: usize, acs: usize, brs: usize, bcs: usize,
  seg: usize, nseg: i32, bias: usize, scratch: usize,
): void {
  const aPack = scratch + aPackAt;
  const bPack = scratch + bPackAt;
  const stack = scratch + stackAt;
  const pitch = <usize>n << 2;
  const mStep = min(segmentedBlockM, (segmentedBlockM * blockK / k) & ~3);
  const nStep = min(blockN, (blockN * blockK / k) & ~15);
  for (let j0 = 0; j0 < n; j0 += nStep) {
    const nb = min(nStep, n - j0);
    packB(bPack, b + <usize>j0 * bcs, brs, bcs, k, nb);
    for (let i0 = 0; i0 < m; i0 += mStep) {
      const mb = min(mStep, m - i0);
      packA(aPack, a + <usize>i0 * ars, ars, acs, mb, k);
      for (let j = 0; j < nb; j += 16) {
        const biasAt = bias == 0 ? 0 : bias + (<usize>(j0 + j) << 2);
        let c = out + <usize>i0 * pitch + (<usize>(j0 + j) << 2);
        for (let i = 0; i < mb; i += 4) {
          segments4x16(seg, 0, nseg, nseg, aPack + <usize>i * (<usize>k << 2), bPack + <usize>j * (<usize>k << 2), stack, 0);
          finishTile(c, pitch, stack, min(4, mb - i), min(16, nb - j), biasAt);
          c += pitch << 2;
        }
      }
    }
  }
}

/**
 * K in blocks: each tile has its own stack. Segments that fit into a block are not divided and are joined in registers; else the running
 * segment's sum rests on top of the stack between blocks.
 */
function inBlocks(
  inRegisters: bool, out: usize, a: usize, b: usize, m: i32, n: i32, ars: usize, acs: usize, brs: usize, bcs: usize,
  seg: usize, nseg: i32, bias: usize, scratch: usize,
): void {
  const aPack = scratch + aPackAt;
  const bPack = scratch + bPackAt;
  const pitch = <usize>n << 2;
  const stackStep = <usize>(32 - clz(nseg)) * tileBytes;
  const kStart = load<i32>(seg);
  const kEnd = load<i32>(seg + (<usize>nseg << 2));
  const tileRows = (min(m, segmentedBlockM) + 3) >> 2;
  const nStep = min(blockN, <i32>(stackBytes / (<usize>tileRows * stackStep)) << 4);
  for (let j0 = 0; j0 < n; j0 += nStep) {
    const nb = min(nStep, n - j0);
    for (let i0 = 0; i0 < m; i0 += segmentedBlockM) {
      const mb = min(segmentedBlockM, m - i0);
      let blockSeg = 0; // the segment at the start of the K block, and the finished tiles below it
      let blockTop = 0;
      for (let k0 = kStart; k0 < kEnd;) {
        const blockEnd = inRegisters ? lastFitting(seg, nseg, blockSeg, k0 + blockK) : 0;
        const k1 = inRegisters ? load<i32>(seg + (<usize>blockEnd << 2)) : min(k0 + blockK, kEnd);
        const kb = k1 - k0;
        packB(bPack, b + <usize>k0 * brs + <usize>j0 * bcs, brs, bcs, kb, nb);
        packA(aPack, a + <usize>i0 * ars + <usize>k0 * acs, ars, acs, mb, kb);
        let stack = scratch + stackAt;
        let s = 0;
        let top = 0;
        for (let j = 0; j < nb; j += 16) {
          const bp = bPack + <usize>j * (<usize>kb << 2);
          const biasAt = bias == 0 ? 0 : bias + (<usize>(j0 + j) << 2);
          let ap = aPack;
          for (let i = 0; i < mb; i += 4) {
            s = blockSeg;
            top = blockTop;
            if (inRegisters) segments4x16(seg, s, blockEnd, nseg, ap, bp, stack, top);
            for (let at = k0; at < k1 && !inRegisters;) {
              const bounds = seg + (<usize>s << 2);
              const slot = stack + <usize>top * tileBytes;
              const from = at == load<i32>(bounds) ? zeroTile : slot;
              let end = load<i32>(bounds, 4);
              const finished = end <= k1;
              end = min(end, k1);
              tile(end - at, ap + (<usize>(at - k0) << 4), bp + (<usize>(at - k0) << 6), from, tilePitch, slot, tilePitch);
              if (finished) {
                s++;
                const joins = s == nseg ? top : <i32>ctz(s);
                for (let below = slot; below > slot - <usize>joins * tileBytes; below -= tileBytes) addTile(below - tileBytes, below);
                top += 1 - joins;
              }
              at = end;
            }
            if (k1 == kEnd) finishTile(out + <usize>(i0 + i) * pitch + (<usize>(j0 + j) << 2), pitch, stack, min(4, mb - i), min(16, nb - j), biasAt);
            ap += <usize>kb << 4;
            stack += stackStep;
          }
        }
        blockSeg = inRegisters ? blockEnd : s;
        blockTop = inRegisters ? <i32>popcnt(blockEnd) : top;
        k0 = k1;
      }
    }
  }
}
