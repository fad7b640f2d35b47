import { loadLanes, storeLanes } from './lanes';

/** out[j] = sum of x[i][j] over rows `from` to `to`, ascending from +0, one accumulator per column. */
export function columnSum(out: usize, x: usize, from: i32, to: i32, columns: i32): void {
  const row = <usize>columns << 2;
  const first = x + <usize>from * row;
  let j = 0;
  for (; j + 16 <= columns; j += 16) {
    let p = first + (<usize>j << 2);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (let i = from; i < to; i++) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
      p += row;
    }
    const q = out + (<usize>j << 2);
    v128.store(q, s0);
    v128.store(q, s1, 16);
    v128.store(q, s2, 32);
    v128.store(q, s3, 48);
  }
  for (; j < columns; j += 4) {
    const left = min(columns - j, 4);
    let p = first + (<usize>j << 2);
    let s = f32x4.splat(0);
    for (let i = from; i < to; i++) {
      s = f32x4.add(s, left == 4 ? v128.load(p) : loadLanes(p, left));
      p += row;
    }
    if (left == 4) v128.store(out + (<usize>j << 2), s);
    else storeLanes(out + (<usize>j << 2), s, left);
  }
}

/** out = out + x, n floats: a node of the reduction tree. */
export function addRow(out: usize, x: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(out);
    const x1 = v128.load(out, 16);
    const y0 = v128.load(x);
    const y1 = v128.load(x, 16);
    const z0 = f32x4.add(x0, y0);
    const z1 = f32x4.add(x1, y1);
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    x += 32;
  }
  if (n >= 4) {
    v128.store(out, f32x4.add(v128.load(out), v128.load(x)));
    n -= 4;
    out += 16;
    x += 16;
  }
  if (n > 0) storeLanes(out, f32x4.add(loadLanes(out, n), loadLanes(x, n)), n);
}
