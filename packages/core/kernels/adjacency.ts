import { indexError } from './context';

/**
 * Sparse adjacency as compressed rows: node i hears the nodes columns[rowPointers[i]] to columns[rowPointers[i + 1] - 1]. Both are checked where
 * they enter (`adjacencyPointers`, `adjacencyColumns`); the kernels behind clamp and skip, so that nothing outside of a buffer is touched
 * whatever they hold.
 */

/** Row pointer i, inside of [0, edges]. */
// @ts-ignore: decorator
@inline
export function pointer(p: usize, i: i32, edges: i32): i32 {
  return max(0, min(load<i32>(p + (<usize>i << 2)), edges));
}

/** out = row pointers, noting the first that breaks the rule: from 0, never falling, at most `edges`. */
export function adjacencyPointers(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const graphs = load<i32>(a, 8);
  const pointers = load<i32>(a, 12);
  const edges = load<i32>(a, 16);
  for (let b = 0; b < graphs; b++) {
    let before = 0;
    for (let i = 0; i < pointers; i++) {
      const place = b * pointers + i;
      const value = load<i32>(x + (<usize>place << 2));
      if (value < before || value > edges || (i == 0 && value != 0)) {
        indexError(load<usize>(a, 20), load<i32>(a, 24), place, value);
      } else {
        before = value;
      }
      store<i32>(out + (<usize>place << 2), before);
    }
  }
}

/** out = columns, noting the first outside of [0, nodes); 0 behind the last edge, where nothing is read. */
export function adjacencyColumns(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const pointers = load<usize>(a, 8);
  const graphs = load<i32>(a, 12);
  const rows = load<i32>(a, 16);
  const edges = load<i32>(a, 20);
  const nodes = load<i32>(a, 24);
  for (let b = 0; b < graphs; b++) {
    const last = pointer(pointers, b * (rows + 1) + rows, edges);
    for (let e = 0; e < edges; e++) {
      const place = b * edges + e;
      let value = e < last ? load<i32>(x + (<usize>place << 2)) : 0;
      if (<u32>value >= <u32>nodes && e < last) {
        indexError(load<usize>(a, 28), load<i32>(a, 32), place, value);
        value = 0;
      }
      store<i32>(out + (<usize>place << 2), value);
    }
  }
}

/** Edges of row i that lead from i to itself. */
function loopsOf(pointers: usize, columns: usize, i: i32, edges: i32): i32 {
  const to = pointer(pointers, i + 1, edges);
  let loops = 0;
  for (let e = pointer(pointers, i, edges); e < to; e++) {
    if (load<i32>(columns + (<usize>e << 2)) == i) loops++;
  }
  return loops;
}

/** 1 for every node without an edge to itself, else 0. */
export function missingLoops(a: usize): void {
  let out = load<usize>(a);
  let pointers = load<usize>(a, 4);
  let columns = load<usize>(a, 8);
  const graphs = load<i32>(a, 12);
  const rows = load<i32>(a, 16);
  const edges = load<i32>(a, 20);
  for (let b = 0; b < graphs; b++) {
    for (let i = 0; i < rows; i++) {
      store<f32>(out + (<usize>i << 2), loopsOf(pointers, columns, i, edges) == 0 ? 1 : 0);
    }
    out += <usize>rows << 2;
    pointers += <usize>(rows + 1) << 2;
    columns += <usize>edges << 2;
  }
}

/** Row pointers of the same graph with exactly one edge from every node to itself. */
export function loopPointers(a: usize): void {
  let out = load<usize>(a);
  let pointers = load<usize>(a, 4);
  let columns = load<usize>(a, 8);
  const graphs = load<i32>(a, 12);
  const rows = load<i32>(a, 16);
  const edges = load<i32>(a, 20);
  for (let b = 0; b < graphs; b++) {
    let at = 0;
    store<i32>(out, 0);
    for (let i = 0; i < rows; i++) {
      const degree = max(pointer(pointers, i + 1, edges) - pointer(pointers, i, edges), 0);
      at += degree - loopsOf(pointers, columns, i, edges) + 1;
      store<i32>(out + (<usize>(i + 1) << 2), at);
    }
    out += <usize>(rows + 1) << 2;
    pointers += <usize>(rows + 1) << 2;
    columns += <usize>edges << 2;
  }
}

/** Its columns, `edges + rows` of them: a row's other edges in their order, then the node itself; zeros behind the last. */
export function loopColumns(a: usize): void {
  let out = load<usize>(a);
  let pointers = load<usize>(a, 4);
  let columns = load<usize>(a, 8);
  const graphs = load<i32>(a, 12);
  const rows = load<i32>(a, 16);
  const edges = load<i32>(a, 20);
  const room = <usize>(edges + rows) << 2;
  for (let b = 0; b < graphs; b++) {
    memory.fill(out, 0, room);
    let q = out;
    for (let i = 0; i < rows; i++) {
      const to = pointer(pointers, i + 1, edges);
      // Rows of a wrong table may overlap; there is room for `edges` of their entries.
      for (let e = pointer(pointers, i, edges); e < to; e++) {
        const at = load<i32>(columns + (<usize>e << 2));
        if (at != i && q < out + room) {
          store<i32>(q, at);
          q += 4;
        }
      }
      if (q < out + room) {
        store<i32>(q, i);
        q += 4;
      }
    }
    out += room;
    pointers += <usize>(rows + 1) << 2;
    columns += <usize>edges << 2;
  }
}
