/** Sizes of the blocks of a matrix product, and where they lie in a thread's scratch. */

/** Most K positions of a block: a panel of B (21 KiB) stays in the first-level cache. */
export const blockK: i32 = 344;
/** As many as this are one block all the same: the output would go to memory and back for a second one. */
export const oneBlockK: i32 = 384;
/** Rows of a block of A: 172 KiB, which stays in the second-level cache. */
export const blockM: i32 = 128;
/** Columns of a block of B (1 MiB): A is packed again for each. */
export const blockN: i32 = 768;
/** With segments B is packed again for each block of rows, so more of them. */
export const segmentedBlockM: i32 = 256;

export const edgeAt: usize = 0;
export const aPackAt: usize = 256;
export const aPackBytes: usize = <usize>segmentedBlockM * blockK * 4;
export const bPackAt: usize = aPackAt + aPackBytes;
export const bPackBytes: usize = <usize>blockN * oneBlockK * 4;
export const stackAt: usize = bPackAt + bPackBytes;
export const stackBytes: usize = 4 << 20;

/** Blocks of equal size instead of full ones and a small last one: a multiple of `unit`, which divides `most`. */
export function evenStep(length: i32, most: i32, unit: i32): i32 {
  const blocks = (length + most - 1) / most;
  const step = (length + blocks - 1) / blocks;
  return (step + unit - 1) / unit * unit;
}

/** Bytes of scratch a thread needs for `matmul`, whatever the shapes. */
export function matmulScratchBytes(): usize {
  return stackAt + stackBytes;
}
