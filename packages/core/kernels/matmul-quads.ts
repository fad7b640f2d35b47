/**
 * Short segments of K, in quads of four positions: one segment of three or four, two of up to two, or four of one; a quad is a node of the
 * canonical tree. A quad of B (4 x 16) stays in registers while the rows of A pass by, 4 in a panel; each panel's sums go to a slot of
 * memory, a tile of 4 x 16 for each, or are joined to those in the slots below. Sums begin with their first product, no zero: what differs
 * is that a sum of nothing but -0 is -0, until `finishTile` adds +0.
 */

/** How many quads the segments make; `longest` is the length of the longest of them. */
export function quadsOf(nseg: i32, longest: i32): i32 {
  return longest == 1 ? (nseg + 3) >> 2 : longest == 2 ? (nseg + 1) >> 1 : nseg;
}

/**
 * A quad of one segment.
 *
 * @param panels number of panels of 4 rows
 * @param a the quad of A: for each panel 4 positions of 4 rows
 * @param b the quad of B: 4 positions of 16 columns
 * @param c the slot; slots are `pitch` bytes apart
 * @param joins how many slots below are joined, from the nearest down: the last of them gets the sum
 */
export function serialQuad(panels: i32, a: usize, b: usize, c: usize, pitch: usize, joins: i32): void {
  if (joins == 0) pass(false, 0, panels, a, b, c, pitch, 0);
  else if (joins == 1) pass(false, 1, panels, a, b, c, pitch, 0);
  else pass(false, 2, panels, a, b, c, pitch, <usize>joins * pitch);
}

/** Two segments of up to two positions, or four of one. */
export function pairedQuad(panels: i32, a: usize, b: usize, c: usize, pitch: usize, joins: i32): void {
  if (joins == 0) pass(true, 0, panels, a, b, c, pitch, 0);
  else if (joins == 1) pass(true, 1, panels, a, b, c, pitch, 0);
  else pass(true, 2, panels, a, b, c, pitch, <usize>joins * pitch);
}

// @ts-ignore: decorator
@inline
function pass(pairs: bool, joins: i32, panels: i32, a: usize, b: usize, c: usize, pitch: usize, reach: usize): void {
  const b00 = v128.load(b);
  const b01 = v128.load(b, 16);
  const b02 = v128.load(b, 32);
  const b03 = v128.load(b, 48);
  const b10 = v128.load(b, 64);
  const b11 = v128.load(b, 80);
  const b12 = v128.load(b, 96);
  const b13 = v128.load(b, 112);
  const b20 = v128.load(b, 128);
  const b21 = v128.load(b, 144);
  const b22 = v128.load(b, 160);
  const b23 = v128.load(b, 176);
  const b30 = v128.load(b, 192);
  const b31 = v128.load(b, 208);
  const b32 = v128.load(b, 224);
  const b33 = v128.load(b, 240);
  let a0 = a;
  let a1 = a + 16;
  let a2 = a + 32;
  let a3 = a + 48;
  for (const end = a + (<usize>panels << 6); a0 < end; ) {
    row(pairs, joins, 0, a0, a1, a2, a3, b00, b01, b02, b03, b10, b11, b12, b13, b20, b21, b22, b23, b30, b31, b32, b33, c, pitch, reach);
    row(pairs, joins, 1, a0, a1, a2, a3, b00, b01, b02, b03, b10, b11, b12, b13, b20, b21, b22, b23, b30, b31, b32, b33, c, pitch, reach);
    row(pairs, joins, 2, a0, a1, a2, a3, b00, b01, b02, b03, b10, b11, b12, b13, b20, b21, b22, b23, b30, b31, b32, b33, c, pitch, reach);
    row(pairs, joins, 3, a0, a1, a2, a3, b00, b01, b02, b03, b10, b11, b12, b13, b20, b21, b22, b23, b30, b31, b32, b33, c, pitch, reach);
    a0 += 64;
    a1 += 64;
    a2 += 64;
    a3 += 64;
    c += 256;
  }
}

// @ts-ignore: decorator
@inline
function row(
  pairs: bool, joins: i32, i: i32, a0: usize, a1: usize, a2: usize, a3: usize,
  b00: v128, b01: v128, b02: v128, b03: v128, b10: v128, b11: v128, b12: v128, b13: v128,
  b20: v128, b21: v128, b22: v128, b23: v128, b30: v128, b31: v128, b32: v128, b33: v128,
  c: usize, pitch: usize, reach: usize,
): void {
  const x0 = splat(a0, i);
  const x1 = splat(a1, i);
  const x2 = splat(a2, i);
  const x3 = splat(a3, i);
  let y0 = dot(pairs, x0, x1, x2, x3, b00, b10, b20, b30);
  let y1 = dot(pairs, x0, x1, x2, x3, b01, b11, b21, b31);
  let y2 = dot(pairs, x0, x1, x2, x3, b02, b12, b22, b32);
  let y3 = dot(pairs, x0, x1, x2, x3, b03, b13, b23, b33);
  let to = c;
  if (joins == 1) {
    to -= pitch;
    y0 = f32x4.add(get(to, i, 0), y0);
    y1 = f32x4.add(get(to, i, 1), y1);
    y2 = f32x4.add(get(to, i, 2), y2);
    y3 = f32x4.add(get(to, i, 3), y3);
  } else if (joins > 1) {
    for (const last = c - reach; to > last; ) {
      to -= pitch;
      y0 = f32x4.add(get(to, i, 0), y0);
      y1 = f32x4.add(get(to, i, 1), y1);
      y2 = f32x4.add(get(to, i, 2), y2);
      y3 = f32x4.add(get(to, i, 3), y3);
    }
  }
  put(to, i, y0, y1, y2, y3);
}

// @ts-ignore: decorator
@inline
function dot(pairs: bool, x0: v128, x1: v128, x2: v128, x3: v128, b0: v128, b1: v128, b2: v128, b3: v128): v128 {
  const first = f32x4.add(f32x4.mul(x0, b0), f32x4.mul(x1, b1));
  if (pairs) return f32x4.add(first, f32x4.add(f32x4.mul(x2, b2), f32x4.mul(x3, b3)));
  return f32x4.add(f32x4.add(first, f32x4.mul(x2, b2)), f32x4.mul(x3, b3));
}

// Offsets must be literals: one address then serves all of a panel.

// @ts-ignore: decorator
@inline
function splat(a: usize, i: i32): v128 {
  if (i == 0) return v128.load32_splat(a);
  if (i == 1) return v128.load32_splat(a, 4);
  if (i == 2) return v128.load32_splat(a, 8);
  return v128.load32_splat(a, 12);
}

// @ts-ignore: decorator
@inline
function get(c: usize, i: i32, j: i32): v128 {
  if (j == 0) return i == 0 ? v128.load(c) : i == 1 ? v128.load(c, 64) : i == 2 ? v128.load(c, 128) : v128.load(c, 192);
  if (j == 1) return i == 0 ? v128.load(c, 16) : i == 1 ? v128.load(c, 80) : i == 2 ? v128.load(c, 144) : v128.load(c, 208);
  if (j == 2) return i == 0 ? v128.load(c, 32) : i == 1 ? v128.load(c, 96) : i == 2 ? v128.load(c, 160) : v128.load(c, 224);
  return i == 0 ? v128.load(c, 48) : i == 1 ? v128.load(c, 112) : i == 2 ? v128.load(c, 176) : v128.load(c, 240);
}

// @ts-ignore: decorator
@inline
function put(c: usize, i: i32, y0: v128, y1: v128, y2: v128, y3: v128): void {
  if (i == 0) {
    v128.store(c, y0);
    v128.store(c, y1, 16);
    v128.store(c, y2, 32);
    v128.store(c, y3, 48);
  } else if (i == 1) {
    v128.store(c, y0, 64);
    v128.store(c, y1, 80);
    v128.store(c, y2, 96);
    v128.store(c, y3, 112);
  } else if (i == 2) {
    v128.store(c, y0, 128);
    v128.store(c, y1, 144);
    v128.store(c, y2, 160);
    v128.store(c, y3, 176);
  } else {
    v128.store(c, y0, 192);
    v128.store(c, y1, 208);
    v128.store(c, y2, 224);
    v128.store(c, y3, 240);
  }
}
