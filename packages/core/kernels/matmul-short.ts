import { finishTile } from './matmul-output';
import { packQuads } from './matmul-quad-pack';
import { pairedQuad, quadsOf, serialQuad } from './matmul-quads';

/**
 * A product over short segments of K: for a strip of rows and a panel of 16 columns quad after quad is added (kernels/matmul-quads.ts), while
 * the slots of the open sub-trees stay in the first-level cache.
 */

/** Panels of 4 rows in a strip, at most: a slot is then 4 KiB, and a pass long enough to load its quad of B for. */
const stripPanels: i32 = 16;
/** Most quads: strips of A and blocks of B of so many fit into the buffers of a packed product. */
export const mostQuads: i32 = 512;

/** @param aPack 256 KiB @param bPack 1 MiB @param slots 64 KiB */
export function shortSegments(
  out: usize, a: usize, b: usize, m: i32, n: i32, acs: usize, brs: usize, seg: usize, nseg: i32, longest: i32, bias: usize,
  aPack: usize, bPack: usize, slots: usize,
): void {
  const quads = quadsOf(nseg, longest);
  const rowStep = min(stripPanels, 4096 / quads) << 2;
  const colStep = min(1024, (65536 / quads) & ~15);
  const pitch = <usize>n << 2;
  for (let j0 = 0; j0 < n; j0 += colStep) {
    const cols = min(colStep, n - j0);
    packQuads(bPack, 256, <usize>quads << 8, b + (<usize>j0 << 2), brs, cols, 16, seg, nseg, longest);
    for (let i0 = 0; i0 < m; i0 += rowStep) {
      const rows = min(rowStep, m - i0);
      const panels = (rows + 3) >> 2;
      packQuads(aPack, <usize>panels << 6, 64, a + (<usize>i0 << 2), acs, rows, 4, seg, nseg, longest);
      for (let j = 0; j < cols; j += 16) {
        const panel = bPack + <usize>(j >> 4) * (<usize>quads << 8);
        strip(longest <= 2, panels, aPack, panel, slots, quads);
        const biasAt = bias == 0 ? 0 : bias + (<usize>(j0 + j) << 2);
        let c = out + <usize>i0 * pitch + (<usize>(j0 + j) << 2);
        for (let i = 0; i < rows; i += 4) {
          finishTile(c, pitch, slots + (<usize>i << 6), min(4, rows - i), min(16, cols - j), biasAt);
          c += pitch << 2;
        }
      }
    }
  }
}

/** Leaves the sum of all quads in the first slot. */
function strip(pairs: bool, panels: i32, a: usize, b: usize, slots: usize, quads: i32): void {
  const pitch = <usize>panels << 8;
  let top = 0;
  for (let q = 1; q <= quads; q++) {
    const joins = q == quads ? top : <i32>ctz(q);
    const slot = slots + <usize>top * pitch;
    if (pairs) pairedQuad(panels, a, b, slot, pitch, joins);
    else serialQuad(panels, a, b, slot, pitch, joins);
    a += <usize>panels << 6;
    b += 256;
    top += 1 - joins;
  }
}
