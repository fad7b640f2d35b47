import { columnSum } from './columns';
import { segmentColumns16, segmentColumns32, segmentFew } from './segment-columns';
import { loadSome, rowSum, storeSome } from './lanes';
import { c } from './vector-math';

export function reduceSum(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const outer = load<i32>(a, 8);
  const reduce = load<i32>(a, 12);
  const inner = load<i32>(a, 16);
  const step = <usize>reduce * <usize>inner << 2;
  for (let i = 0; i < outer; i++) {
    if (inner == 1) store<f32>(out, rowSum(x, reduce));
    else columnSum(out, x, 0, reduce, inner);
    out += <usize>inner << 2;
    x += step;
  }
}

export function segmentSum(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const seg = load<usize>(a, 8);
  const count = load<i32>(a, 12);
  const inner = load<i32>(a, 16);
  const stack = load<usize>(a, 20);
  const row = <usize>inner << 2;
  let at: usize = 0;
  for (; at + 128 <= row; at += 128) segmentColumns32(out + at, x + at, row, seg, count, stack);
  for (; at + 64 <= row; at += 64) segmentColumns16(out + at, x + at, row, seg, count, stack);
  for (; at < row; at += 16) segmentFew(out + at, x + at, row, seg, count, stack, min(4, <i32>(row - at) >> 2));
}

export function reduceMax(a: usize): void {
  extreme(a, false);
}

export function argmax(a: usize): void {
  extreme(a, true);
}

/** The largest value, or NaN; or the place of the first one. */
// @ts-ignore: decorator
@inline
function extreme(a: usize, index: bool): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const outer = load<i32>(a, 8);
  const reduce = load<i32>(a, 12);
  const inner = load<i32>(a, 16);
  for (let i = 0; i < outer; i++) {
    if (inner == 1) {
      const best = largest(x, reduce);
      if (index) store<i32>(out, firstOf(x, reduce, best));
      else store<f32>(out, best);
    } else {
      columnExtremes(out, x, reduce, inner, index);
    }
    out += <usize>inner << 2;
    x += <usize>reduce * <usize>inner << 2;
  }
}

/** Of n >= 1 floats; NaN when one is. */
function largest(x: usize, n: i32): f32 {
  let best = f32x4.splat(-Infinity);
  let wrong = c(15);
  for (; n >= 4; n -= 4) {
    const v = v128.load(x);
    best = f32x4.pmax(best, v);
    wrong = v128.or(wrong, f32x4.ne(v, v));
    x += 16;
  }
  let m = max(max(f32x4.extract_lane(best, 0), f32x4.extract_lane(best, 1)), max(f32x4.extract_lane(best, 2), f32x4.extract_lane(best, 3)));
  if (v128.any_true(wrong)) m = NaN;
  for (; n > 0; n--) {
    m = max(m, load<f32>(x));
    x += 4;
  }
  return m;
}

/** Place of the first `value` (or NaN) in a row that has one. */
function firstOf(x: usize, n: i32, value: f32): i32 {
  const wanted = f32x4.splat(value);
  const nan = value != value;
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    const v = v128.load(x + (<usize>j << 2));
    const found = i32x4.bitmask(nan ? f32x4.ne(v, v) : f32x4.eq(v, wanted));
    if (found) return j + ctz(found);
  }
  for (; j < n; j++) {
    const v = load<f32>(x + (<usize>j << 2));
    if (nan ? v != v : v == value) return j;
  }
  return 0;
}

/** For each column the first of its largest values, or its first NaN; four columns at a time. */
function columnExtremes(out: usize, x: usize, rows: i32, columns: i32, index: bool): void {
  const row = <usize>columns << 2;
  for (let j = 0; j < columns; j += 4) {
    const left = min(columns - j, 4);
    let p = x + (<usize>j << 2);
    let best = loadSome(p, left);
    let at = c(15);
    for (let k = 1; k < rows; k++) {
      p += row;
      const v = loadSome(p, left);
      const newer = v128.or(f32x4.gt(v, best), v128.and(f32x4.ne(v, v), f32x4.eq(best, best)));
      best = v128.bitselect(v, best, newer);
      at = v128.bitselect(i32x4.splat(k), at, newer);
    }
    storeSome(out + (<usize>j << 2), index ? at : best, left);
  }
}
