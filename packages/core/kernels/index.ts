import { addRow } from './columns';
import { indexError } from './context';

export function embedding(a: usize): void {
  const out = load<usize>(a);
  const table = load<usize>(a, 4);
  const index = load<usize>(a, 8);
  const n = load<i32>(a, 12);
  const row = <usize>load<i32>(a, 16) << 2;
  const rows = load<i32>(a, 20);
  for (let i = 0; i < n; i++) {
    const at = load<i32>(index + (<usize>i << 2));
    const q = out + <usize>i * row;
    if (<u32>at < <u32>rows) {
      memory.copy(q, table + <usize>at * row, row);
    } else {
      memory.fill(q, 0, row);
      indexError(load<usize>(a, 24), load<i32>(a, 28), i, at);
    }
  }
}

export function embeddingGrad(a: usize): void {
  const out = load<usize>(a);
  const index = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const n = load<i32>(a, 12);
  const dim = load<i32>(a, 16);
  const rows = load<i32>(a, 20);
  const row = <usize>dim << 2;
  memory.fill(out, 0, <usize>rows * row);
  for (let i = 0; i < n; i++) {
    const at = load<i32>(index + (<usize>i << 2));
    if (<u32>at < <u32>rows) addRow(out + <usize>at * row, g + <usize>i * row, dim);
  }
}

export function gatherLast(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const index = load<usize>(a, 8);
  const rows = load<i32>(a, 12);
  const columns = load<i32>(a, 16);
  for (let i = 0; i < rows; i++) {
    const at = load<i32>(index + (<usize>i << 2));
    let value: f32 = 0;
    if (<u32>at < <u32>columns) value = load<f32>(x + ((<usize>i * <usize>columns + <usize>at) << 2));
    else indexError(load<usize>(a, 20), load<i32>(a, 24), i, at);
    store<f32>(out + (<usize>i << 2), value);
  }
}

export function gatherLastGrad(a: usize): void {
  const out = load<usize>(a);
  const index = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const rows = load<i32>(a, 12);
  const columns = load<i32>(a, 16);
  memory.fill(out, 0, <usize>rows * <usize>columns << 2);
  for (let i = 0; i < rows; i++) {
    const at = load<i32>(index + (<usize>i << 2));
    if (<u32>at < <u32>columns) {
      store<f32>(out + ((<usize>i * <usize>columns + <usize>at) << 2), load<f32>(g + (<usize>i << 2)));
    }
  }
}

/** out = x, with `to` in place of `from`. */
export function replaceIndex(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const n = load<i32>(a, 8);
  const from = load<i32>(a, 12);
  const to = load<i32>(a, 16);
  for (let i = 0; i < n; i++) {
    const at = load<i32>(x + (<usize>i << 2));
    store<i32>(out + (<usize>i << 2), at == from ? to : at);
  }
}

/** 1 where x is not `value`, else 0. */
export function differs(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const n = load<i32>(a, 8);
  const value = load<i32>(a, 12);
  for (let i = 0; i < n; i++) {
    store<f32>(out + (<usize>i << 2), load<i32>(x + (<usize>i << 2)) == value ? <f32>0 : <f32>1);
  }
}
