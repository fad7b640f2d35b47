import { pointer } from './adjacency';
import { columnSum } from './columns';
import { loadSome, storeSome } from './lanes';
import { exp4 } from './vector-math';

/**
 * Reductions over ranges of rows: range i is x[pointers[i]] to x[pointers[i + 1] - 1], for a batch of tables. Column by column, ascending rows, one
 * accumulator. Arguments after the pointers: batch ranges rows width shared, where shared 1 = one table of pointers for the whole batch.
 */

/** Number of rows of each range as a float, at least 1. Arguments: out pointers batch ranges rows. */
export function rangeCounts(a: usize): void {
  const out = load<usize>(a);
  const pointers = load<usize>(a, 4);
  const batch = load<i32>(a, 8);
  const ranges = load<i32>(a, 12);
  const rows = load<i32>(a, 16);
  for (let b = 0; b < batch; b++) {
    const p = pointers + (<usize>(b * (ranges + 1)) << 2);
    for (let i = 0; i < ranges; i++) {
      const count = max(pointer(p, i + 1, rows) - pointer(p, i, rows), 1);
      store<f32>(out + (<usize>(b * ranges + i) << 2), <f32>count);
    }
  }
}

export function rangeSum(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let pointers = load<usize>(a, 8);
  const batch = load<i32>(a, 12);
  const ranges = load<i32>(a, 16);
  const rows = load<i32>(a, 20);
  const width = load<i32>(a, 24);
  const shared = load<i32>(a, 28);
  const row = <usize>width << 2;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < ranges; i++) {
      columnSum(out + <usize>i * row, x, pointer(pointers, i, rows), pointer(pointers, i + 1, rows), width);
    }
    out += <usize>ranges * row;
    x += <usize>rows * row;
    if (!shared) pointers += <usize>(ranges + 1) << 2;
  }
}

/** Every row of a range gets the range's x; rows of none get 0. */
export function rangeSpread(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let pointers = load<usize>(a, 8);
  const batch = load<i32>(a, 12);
  const ranges = load<i32>(a, 16);
  const rows = load<i32>(a, 20);
  const row = <usize>load<i32>(a, 24) << 2;
  const shared = load<i32>(a, 28);
  memory.fill(out, 0, <usize>(batch * rows) * row);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < ranges; i++) {
      const to = pointer(pointers, i + 1, rows);
      for (let k = pointer(pointers, i, rows); k < to; k++) memory.copy(out + <usize>k * row, x + <usize>i * row, row);
    }
    out += <usize>rows * row;
    x += <usize>ranges * row;
    if (!shared) pointers += <usize>(ranges + 1) << 2;
  }
}

/** The largest of each column, NaN where one is, 0 of none. */
export function rangeMax(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let pointers = load<usize>(a, 8);
  const batch = load<i32>(a, 12);
  const ranges = load<i32>(a, 16);
  const rows = load<i32>(a, 20);
  const width = load<i32>(a, 24);
  const shared = load<i32>(a, 28);
  const row = <usize>width << 2;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < ranges; i++) {
      const from = pointer(pointers, i, rows);
      const to = pointer(pointers, i + 1, rows);
      for (let j = 0; j < width; j += 4) {
        const left = min(width - j, 4);
        const top = from < to ? columnMax(x + (<usize>j << 2), row, from, to, left) : f32x4.splat(0);
        storeSome(out + <usize>i * row + (<usize>j << 2), top, left);
      }
    }
    out += <usize>ranges * row;
    x += <usize>rows * row;
    if (!shared) pointers += <usize>(ranges + 1) << 2;
  }
}

/** Of rows [from, to), at least one. */
function columnMax(x: usize, row: usize, from: i32, to: i32, left: i32): v128 {
  let p = x + <usize>from * row;
  let top = loadSome(p, left);
  for (let k = from + 1; k < to; k++) {
    p += row;
    top = f32x4.max(top, loadSome(p, left));
  }
  return top;
}

/** (x, y, g): g shared among the rows that hold the largest value. Arguments: out x y g pointers batch ranges rows width shared. */
export function rangeMaxGrad(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let y = load<usize>(a, 8);
  let g = load<usize>(a, 12);
  let pointers = load<usize>(a, 16);
  const batch = load<i32>(a, 20);
  const ranges = load<i32>(a, 24);
  const rows = load<i32>(a, 28);
  const width = load<i32>(a, 32);
  const shared = load<i32>(a, 36);
  const row = <usize>width << 2;
  memory.fill(out, 0, <usize>(batch * rows) * row);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < ranges; i++) {
      const from = pointer(pointers, i, rows);
      const to = pointer(pointers, i + 1, rows);
      for (let j = 0; j < width; j += 4) {
        const left = min(width - j, 4);
        const column = <usize>j << 2;
        const at = <usize>i * row + column;
        shareMax(out + column, x + column, row, from, to, loadSome(y + at, left), loadSome(g + at, left), left);
      }
    }
    out += <usize>rows * row;
    x += <usize>rows * row;
    y += <usize>ranges * row;
    g += <usize>ranges * row;
    if (!shared) pointers += <usize>(ranges + 1) << 2;
  }
}

function shareMax(out: usize, x: usize, row: usize, from: i32, to: i32, top: v128, g: v128, left: i32): void {
  const one = f32x4.splat(1);
  let hits = f32x4.splat(0);
  for (let k = from; k < to; k++) {
    hits = f32x4.add(hits, v128.and(one, f32x4.eq(loadSome(x + <usize>k * row, left), top)));
  }
  const part = f32x4.div(g, hits);
  for (let k = from; k < to; k++) {
    const hit = f32x4.eq(loadSome(x + <usize>k * row, left), top);
    storeSome(out + <usize>k * row, v128.and(part, hit), left);
  }
}

/** e^x / sum e^x over the rows of a range, column by column; rows of no range get 0. */
export function rangeSoftmax(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let pointers = load<usize>(a, 8);
  const batch = load<i32>(a, 12);
  const ranges = load<i32>(a, 16);
  const rows = load<i32>(a, 20);
  const width = load<i32>(a, 24);
  const shared = load<i32>(a, 28);
  const row = <usize>width << 2;
  memory.fill(out, 0, <usize>(batch * rows) * row);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < ranges; i++) {
      const from = pointer(pointers, i, rows);
      const to = pointer(pointers, i + 1, rows);
      if (from >= to) continue;
      for (let j = 0; j < width; j += 4) {
        const column = <usize>j << 2;
        softmaxColumns(out + column, x + column, row, from, to, min(width - j, 4));
      }
    }
    out += <usize>rows * row;
    x += <usize>rows * row;
    if (!shared) pointers += <usize>(ranges + 1) << 2;
  }
}

function softmaxColumns(out: usize, x: usize, row: usize, from: i32, to: i32, left: i32): void {
  const top = columnMax(x, row, from, to, left);
  let sum = f32x4.splat(0);
  for (let k = from; k < to; k++) {
    const y = exp4(f32x4.sub(loadSome(x + <usize>k * row, left), top));
    sum = f32x4.add(sum, y);
    storeSome(out + <usize>k * row, y, left);
  }
  for (let k = from; k < to; k++) {
    const q = out + <usize>k * row;
    storeSome(q, f32x4.div(loadSome(q, left), sum), left);
  }
}

/** (y, g): y (g - sum of y g over the range). Arguments: out y g pointers batch ranges rows width shared. */
export function rangeSoftmaxGrad(a: usize): void {
  let out = load<usize>(a);
  let y = load<usize>(a, 4);
  let g = load<usize>(a, 8);
  let pointers = load<usize>(a, 12);
  const batch = load<i32>(a, 16);
  const ranges = load<i32>(a, 20);
  const rows = load<i32>(a, 24);
  const width = load<i32>(a, 28);
  const shared = load<i32>(a, 32);
  const row = <usize>width << 2;
  memory.fill(out, 0, <usize>(batch * rows) * row);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < ranges; i++) {
      const from = pointer(pointers, i, rows);
      const to = pointer(pointers, i + 1, rows);
      for (let j = 0; j < width; j += 4) {
        const column = <usize>j << 2;
        softmaxColumnsGrad(out + column, y + column, g + column, row, from, to, min(width - j, 4));
      }
    }
    out += <usize>rows * row;
    y += <usize>rows * row;
    g += <usize>rows * row;
    if (!shared) pointers += <usize>(ranges + 1) << 2;
  }
}

function softmaxColumnsGrad(out: usize, y: usize, g: usize, row: usize, from: i32, to: i32, left: i32): void {
  let sum = f32x4.splat(0);
  for (let k = from; k < to; k++) {
    const p = <usize>k * row;
    sum = f32x4.add(sum, f32x4.mul(loadSome(y + p, left), loadSome(g + p, left)));
  }
  for (let k = from; k < to; k++) {
    const p = <usize>k * row;
    storeSome(out + p, f32x4.mul(loadSome(y + p, left), f32x4.sub(loadSome(g + p, left), sum)), left);
  }
}
