import { loadSome, storeSome } from './lanes';

/**
 * Sums of some columns over the rows of each segment, from +0 and ascending, joined by the canonical tree (docs/kernels.md, Segments). A
 * segment's sums are joined while they are in registers; the finished ones below lie on a stack that stays in the first-level cache.
 */

/** 32 columns: a row of them is two cache lines, which come together. `stack` has room for 128 bytes for each open sub-tree. */
export function segmentColumns32(out: usize, x: usize, row: usize, seg: usize, count: i32, stack: usize): void {
  let depth: i32 = 0;
  for (let s = 0; s < count; ) {
    let p = x + <usize>load<i32>(seg + (<usize>s << 2)) * row;
    s++;
    const end = x + <usize>load<i32>(seg + (<usize>s << 2)) * row;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let s4 = s0;
    let s5 = s0;
    let s6 = s0;
    let s7 = s0;
    for (; p < end; p += row) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
      s4 = f32x4.add(s4, v128.load(p, 64));
      s5 = f32x4.add(s5, v128.load(p, 80));
      s6 = f32x4.add(s6, v128.load(p, 96));
      s7 = f32x4.add(s7, v128.load(p, 112));
    }
    const joins = s == count ? depth : <i32>ctz(s);
    let top = stack + (<usize>depth << 7);
    depth += 1 - joins;
    for (const last = top - (<usize>joins << 7); top > last; ) {
      top -= 128;
      s0 = f32x4.add(v128.load(top), s0);
      s1 = f32x4.add(v128.load(top, 16), s1);
      s2 = f32x4.add(v128.load(top, 32), s2);
      s3 = f32x4.add(v128.load(top, 48), s3);
      s4 = f32x4.add(v128.load(top, 64), s4);
      s5 = f32x4.add(v128.load(top, 80), s5);
      s6 = f32x4.add(v128.load(top, 96), s6);
      s7 = f32x4.add(v128.load(top, 112), s7);
    }
    const to = s == count ? out : top;
    v128.store(to, s0);
    v128.store(to, s1, 16);
    v128.store(to, s2, 32);
    v128.store(to, s3, 48);
    v128.store(to, s4, 64);
    v128.store(to, s5, 80);
    v128.store(to, s6, 96);
    v128.store(to, s7, 112);
  }
}

/** 16 columns. */
export function segmentColumns16(out: usize, x: usize, row: usize, seg: usize, count: i32, stack: usize): void {
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
