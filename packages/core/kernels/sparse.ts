import { pointer } from './adjacency';
import { loadSome, storeSome } from './lanes';
import { dotRow } from './softmax';

/**
 * Products with a sparse matrix in compressed rows, for a batch of graphs. The features of a node are `heads` parts of `width`; an edge has a
 * weight for each head, or 1. Sums go over a row's edges in ascending order from +0, those of the gradients over rows, then edges.
 * Arguments after the pointers: graphs rows nodes edges heads width shared, where shared 1 = one graph for the whole batch.
 */

/** out[i] = sum of weight[e] x[column[e]] over the edges e of row i. weights 0: 1 each. */
export function sparseProduct(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let weights = load<usize>(a, 8);
  let pointers = load<usize>(a, 12);
  let columns = load<usize>(a, 16);
  const graphs = load<i32>(a, 20);
  const rows = load<i32>(a, 24);
  const nodes = load<i32>(a, 28);
  const edges = load<i32>(a, 32);
  const heads = load<i32>(a, 36);
  const width = load<i32>(a, 40);
  const shared = load<i32>(a, 44);
  const row = <usize>(heads * width) << 2;
  for (let b = 0; b < graphs; b++) {
    for (let i = 0; i < rows; i++) {
      const from = pointer(pointers, i, edges);
      const to = pointer(pointers, i + 1, edges);
      for (let h = 0; h < heads; h++) {
        const part = <usize>(h * width) << 2;
        const own = weights ? weights + (<usize>h << 2) : 0;
        gatherRow(out + <usize>i * row + part, x + part, row, own, heads, columns, from, to, nodes, width);
      }
    }
    out += <usize>rows * row;
    x += <usize>nodes * row;
    if (weights) weights += <usize>(edges * heads) << 2;
    if (!shared) {
      pointers += <usize>(rows + 1) << 2;
      columns += <usize>edges << 2;
    }
  }
}

/** out = sum over edges [from, to) of weight x[column], `width` floats. */
function gatherRow(out: usize, x: usize, row: usize, weights: usize, heads: i32, columns: usize, from: i32, to: i32, nodes: i32, width: i32): void {
  let j = 0;
  for (; j + 16 <= width; j += 16) {
    const p = x + (<usize>j << 2);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (let e = from; e < to; e++) {
      const at = load<i32>(columns + (<usize>e << 2));
      if (<u32>at >= <u32>nodes) continue;
      const k = weights ? v128.load32_splat(weights + (<usize>(e * heads) << 2)) : f32x4.splat(1);
      const q = p + <usize>at * row;
      s0 = f32x4.add(s0, f32x4.mul(k, v128.load(q)));
      s1 = f32x4.add(s1, f32x4.mul(k, v128.load(q, 16)));
      s2 = f32x4.add(s2, f32x4.mul(k, v128.load(q, 32)));
      s3 = f32x4.add(s3, f32x4.mul(k, v128.load(q, 48)));
    }
    const q = out + (<usize>j << 2);
    v128.store(q, s0);
    v128.store(q, s1, 16);
    v128.store(q, s2, 32);
    v128.store(q, s3, 48);
  }
  for (; j < width; j += 4) {
    const left = min(width - j, 4);
    const p = x + (<usize>j << 2);
    let s = f32x4.splat(0);
    for (let e = from; e < to; e++) {
      const at = load<i32>(columns + (<usize>e << 2));
      if (<u32>at >= <u32>nodes) continue;
      const k = weights ? v128.load32_splat(weights + (<usize>(e * heads) << 2)) : f32x4.splat(1);
      s = f32x4.add(s, f32x4.mul(k, loadSome(p + <usize>at * row, left)));
    }
    storeSome(out + (<usize>j << 2), s, left);
  }
}

/** out[column[e]] += weight[e] g[i]: the product with the transposed matrix, without building it. */
export function sparseProductGradInput(a: usize): void {
  let out = load<usize>(a);
  let g = load<usize>(a, 4);
  let weights = load<usize>(a, 8);
  let pointers = load<usize>(a, 12);
  let columns = load<usize>(a, 16);
  const graphs = load<i32>(a, 20);
  const rows = load<i32>(a, 24);
  const nodes = load<i32>(a, 28);
  const edges = load<i32>(a, 32);
  const heads = load<i32>(a, 36);
  const width = load<i32>(a, 40);
  const shared = load<i32>(a, 44);
  const row = <usize>(heads * width) << 2;
  memory.fill(out, 0, <usize>(graphs * nodes) * row);
  for (let b = 0; b < graphs; b++) {
    for (let i = 0; i < rows; i++) {
      const to = pointer(pointers, i + 1, edges);
      for (let e = pointer(pointers, i, edges); e < to; e++) {
        const at = load<i32>(columns + (<usize>e << 2));
        if (<u32>at >= <u32>nodes) continue;
        for (let h = 0; h < heads; h++) {
          const part = <usize>(h * width) << 2;
          const k: f32 = weights ? load<f32>(weights + (<usize>(e * heads + h) << 2)) : 1;
          addScaled(out + <usize>at * row + part, g + <usize>i * row + part, k, width);
        }
      }
    }
    out += <usize>nodes * row;
    g += <usize>rows * row;
    if (weights) weights += <usize>(edges * heads) << 2;
    if (!shared) {
      pointers += <usize>(rows + 1) << 2;
      columns += <usize>edges << 2;
    }
  }
}

/** out = out + k x, n floats. */
function addScaled(out: usize, x: usize, scale: f32, n: i32): void {
  const k = f32x4.splat(scale);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(out);
    const x1 = v128.load(out, 16);
    const y0 = v128.load(x);
    const y1 = v128.load(x, 16);
    const z0 = f32x4.add(x0, f32x4.mul(k, y0));
    const z1 = f32x4.add(x1, f32x4.mul(k, y1));
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    x += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.add(loadSome(out, left), f32x4.mul(k, loadSome(x, left))), left);
    out += 16;
    x += 16;
  }
}

/** out[e] = x[column[e]] . g[i] for each head; 0 behind the last edge. */
export function sparseProductGradWeights(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let g = load<usize>(a, 8);
  let pointers = load<usize>(a, 12);
  let columns = load<usize>(a, 16);
  const graphs = load<i32>(a, 20);
  const rows = load<i32>(a, 24);
  const nodes = load<i32>(a, 28);
  const edges = load<i32>(a, 32);
  const heads = load<i32>(a, 36);
  const width = load<i32>(a, 40);
  const shared = load<i32>(a, 44);
  const row = <usize>(heads * width) << 2;
  memory.fill(out, 0, <usize>(graphs * edges * heads) << 2);
  for (let b = 0; b < graphs; b++) {
    for (let i = 0; i < rows; i++) {
      const to = pointer(pointers, i + 1, edges);
      for (let e = pointer(pointers, i, edges); e < to; e++) {
        const at = load<i32>(columns + (<usize>e << 2));
        if (<u32>at >= <u32>nodes) continue;
        for (let h = 0; h < heads; h++) {
          const part = <usize>(h * width) << 2;
          const dot = dotRow(x + <usize>at * row + part, g + <usize>i * row + part, width);
          store<f32>(out + (<usize>(e * heads + h) << 2), dot);
        }
      }
    }
    out += <usize>(edges * heads) << 2;
    x += <usize>nodes * row;
    g += <usize>rows * row;
    if (!shared) {
      pointers += <usize>(rows + 1) << 2;
      columns += <usize>edges << 2;
    }
  }
}

/** out[e] = x[column[e]] for the edges that are there, zeros behind. Arguments: graphs rows nodes edges width shared. */
export function edgeSources(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let pointers = load<usize>(a, 8);
  let columns = load<usize>(a, 12);
  const graphs = load<i32>(a, 16);
  const rows = load<i32>(a, 20);
  const nodes = load<i32>(a, 24);
  const edges = load<i32>(a, 28);
  const row = <usize>load<i32>(a, 32) << 2;
  const shared = load<i32>(a, 36);
  for (let b = 0; b < graphs; b++) {
    const last = pointer(pointers, rows, edges);
    for (let e = 0; e < edges; e++) {
      const at = load<i32>(columns + (<usize>e << 2));
      const q = out + <usize>e * row;
      if (e < last && <u32>at < <u32>nodes) memory.copy(q, x + <usize>at * row, row);
      else memory.fill(q, 0, row);
    }
    out += <usize>edges * row;
    x += <usize>nodes * row;
    if (!shared) {
      pointers += <usize>(rows + 1) << 2;
      columns += <usize>edges << 2;
    }
  }
}

/** out[column[e]] += g[e], ascending edges. The same arguments. */
export function edgeSourcesGrad(a: usize): void {
  let out = load<usize>(a);
  let g = load<usize>(a, 4);
  let pointers = load<usize>(a, 8);
  let columns = load<usize>(a, 12);
  const graphs = load<i32>(a, 16);
  const rows = load<i32>(a, 20);
  const nodes = load<i32>(a, 24);
  const edges = load<i32>(a, 28);
  const width = load<i32>(a, 32);
  const shared = load<i32>(a, 36);
  const row = <usize>width << 2;
  memory.fill(out, 0, <usize>(graphs * nodes) * row);
  for (let b = 0; b < graphs; b++) {
    const last = pointer(pointers, rows, edges);
    for (let e = 0; e < last; e++) {
      const at = load<i32>(columns + (<usize>e << 2));
      if (<u32>at < <u32>nodes) addScaled(out + <usize>at * row, g + <usize>e * row, 1, width);
    }
    out += <usize>nodes * row;
    g += <usize>edges * row;
    if (!shared) {
      pointers += <usize>(rows + 1) << 2;
      columns += <usize>edges << 2;
    }
  }
}
