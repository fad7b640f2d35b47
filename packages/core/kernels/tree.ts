import { addRow } from './columns';

/**
 * The canonical tree over segments as a stack machine: called after segment `s` was written to place `depth` of the stack (place 0 is `out`,
 * the others lie in `scratch`). Returns the new depth; after the last segment everything is joined.
 */
export function joinSegments(out: usize, scratch: usize, n: i32, depth: i32, s: i32, last: bool): i32 {
  depth++;
  for (let k = s + 1; (k & 1) == 0 && depth > 1; k >>= 1) {
    depth--;
    addRow(place(out, scratch, n, depth - 1), place(out, scratch, n, depth), n);
  }
  while (last && depth > 1) {
    depth--;
    addRow(place(out, scratch, n, depth - 1), place(out, scratch, n, depth), n);
  }
  return depth;
}

/** Where entry `depth` of the stack lies. */
export function place(out: usize, scratch: usize, n: i32, depth: i32): usize {
  return depth == 0 ? out : scratch + (<usize>(depth - 1) * <usize>n << 2);
}
