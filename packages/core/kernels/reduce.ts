import { columnSum, joinSegments, place } from './columns';
import { rowSum } from './lanes';

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
  const scratch = load<usize>(a, 20);
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const p = seg + (<usize>s << 2);
    columnSum(place(out, scratch, inner, depth), x, load<i32>(p), load<i32>(p, 4), inner);
    depth = joinSegments(out, scratch, inner, depth, s, s + 1 == count);
  }
}

export function reduceMax(a: usize): void {
  extreme(a, false);
}

export function argmax(a: usize): void {
  extreme(a, true);
}

/** The first of the largest values, or the first NaN. */
function extreme(a: usize, index: bool): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const outer = load<i32>(a, 8);
  const reduce = load<i32>(a, 12);
  const inner = load<i32>(a, 16);
  const row = <usize>inner << 2;
  for (let i = 0; i < outer; i++) {
    for (let j = 0; j < inner; j++) {
      let p = x + (<usize>j << 2);
      let best = load<f32>(p);
      let at = 0;
      for (let k = 1; k < reduce; k++) {
        p += row;
        const v = load<f32>(p);
        if (v > best || (v != v && best == best)) {
          best = v;
          at = k;
        }
      }
      if (index) store<i32>(out, at);
      else store<f32>(out, best);
      out += 4;
    }
    x += <usize>reduce * row;
  }
}
