import { loadSome, storeSome } from './lanes';

/**
 * Sums of some columns over the rows of each segment, from +0 and ascending, joined by the canonical tree (docs/kernels.md, Segments). A
 * segment's sums are joined while they are in registers; the finished ones below lie on a stack that stays in the first-level cache.
 */

/** 16 columns; `stack` has room for 64 bytes for each open sub-tree. */
export function segmentColumns(out: usize, x: usize, row: usize, seg: usize, count: i32, stack: usize): void {
  let depth: i32 = 0;
  for (let s = 0; s < count; ) {
    let p = x + <usize>load<i32>(seg + (<usize>s << 2)) * row;
    s++;
    const end = x + <usize>load<i32>(seg + (<usize>s << 2)) * row;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (; p < end; p += row) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
    }
    const joins = s == count ? depth : <i32>ctz(s);
    let top = stack + (<usize>depth << 6);
    depth += 1 - joins;
    for (const last = top - (<usize>joins << 6); top > last; ) {
      top -= 64;
      s0 = f32x4.add(v128.load(top), s0);
      s1 = f32x4.add(v128.load(top, 16), s1);
      s2 = f32x4.add(v128.load(top, 32), s2);
      s3 = f32x4.add(v128.load(top, 48), s3);
    }
    const to = s == count ? out : top;
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
  }
}

/** Up to 4 columns. */
export function segmentFew(out: usize, x: usize, row: usize, seg: usize, count: i32, stack: usize, columns: i32): void {
  let depth: i32 = 0;
  for (let s = 0; s < count; ) {
    let p = x + <usize>load<i32>(seg + (<usize>s << 2)) * row;
    s++;
    const end = x + <usize>load<i32>(seg + (<usize>s << 2)) * row;
    let sum = f32x4.splat(0);
    for (; p < end; p += row) sum = f32x4.add(sum, loadSome(p, columns));
    const joins = s == count ? depth : <i32>ctz(s);
    let top = stack + (<usize>depth << 4);
    depth += 1 - joins;
    for (const last = top - (<usize>joins << 4); top > last; ) {
      top -= 16;
      sum = f32x4.add(v128.load(top), sum);
    }
    v128.store(top, sum);
  }
  storeSome(out, v128.load(stack), columns);
}
