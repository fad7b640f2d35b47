import { loadLanes, loadSome, storeLanes, storeSome } from './lanes';
import { c } from './vector-math';

// One loop for each kernel and layout, by inlining with a constant `kind`.

// @ts-ignore: decorator
@inline
function f(kind: i32, x: v128, y: v128): v128 {
  if (kind == 0) return f32x4.add(x, y);
  if (kind == 1) return f32x4.sub(x, y);
  if (kind == 2) return f32x4.mul(x, y);
  if (kind == 3) return f32x4.div(x, y);
  if (kind == 4) return f32x4.max(x, y); // NaN wins
  if (kind == 5) return f32x4.min(x, y);
  if (kind == 6) return v128.and(f32x4.gt(x, y), c(12));
  if (kind == 7) return v128.and(f32x4.ge(x, y), c(12));
  return v128.and(f32x4.eq(x, y), c(12));
}

/** n elements; an operand with `Step` 0 is one number, held in its vector. */
// @ts-ignore: decorator
@inline
function run(kind: i32, out: usize, p: usize, q: usize, n: i32, pStep: usize, qStep: usize): void {
  const x = v128.load32_splat(p);
  const y = v128.load32_splat(q);
  for (; n >= 8; n -= 8) {
    const x0 = pStep ? v128.load(p) : x;
    const x1 = pStep ? v128.load(p, 16) : x;
    const y0 = qStep ? v128.load(q) : y;
    const y1 = qStep ? v128.load(q, 16) : y;
    const z0 = f(kind, x0, y0);
    const z1 = f(kind, x1, y1);
    v128.store(out, z0);
    v128.store(out, z1, 16);
    p += pStep << 3;
    q += qStep << 3;
    out += 32;
  }
  if (n >= 4) {
    v128.store(out, f(kind, pStep ? v128.load(p) : x, qStep ? v128.load(q) : y));
    n -= 4;
    p += pStep << 2;
    q += qStep << 2;
    out += 16;
  }
  if (n > 0) storeLanes(out, f(kind, pStep ? loadLanes(p, n) : x, qStep ? loadLanes(q, n) : y), n);
}

/** Modes of docs/kernels.md: 0 whole, 1 row, 2 column, 3 one number. */
// @ts-ignore: decorator
@inline
function broadcast(kind: i32, a: usize): void {
  let out = load<usize>(a);
  let p = load<usize>(a, 4);
  let q = load<usize>(a, 8);
  const outer = load<i32>(a, 12);
  const inner = load<i32>(a, 16);
  const pMode = load<i32>(a, 20);
  const qMode = load<i32>(a, 24);
  if (pMode == 0 && qMode == 0) {
    run(kind, out, p, q, outer * inner, 4, 4);
    return;
  }
  const row = <usize>inner << 2;
  const pNext: usize = pMode == 0 ? row : pMode == 2 ? 4 : 0;
  const qNext: usize = qMode == 0 ? row : qMode == 2 ? 4 : 0;
  for (let i = 0; i < outer; i++) {
    if (pMode < 2) {
      if (qMode < 2) run(kind, out, p, q, inner, 4, 4);
      else run(kind, out, p, q, inner, 4, 0);
    } else {
      if (qMode < 2) run(kind, out, p, q, inner, 0, 4);
      else run(kind, out, p, q, inner, 0, 0);
    }
    p += pNext;
    q += qNext;
    out += row;
  }
}

export function add(a: usize): void {
  broadcast(0, a);
}

export function sub(a: usize): void {
  broadcast(1, a);
}

export function mul(a: usize): void {
  broadcast(2, a);
}

export function div(a: usize): void {
  broadcast(3, a);
}

export function maximum(a: usize): void {
  broadcast(4, a);
}

export function minimum(a: usize): void {
  broadcast(5, a);
}

export function greater(a: usize): void {
  broadcast(6, a);
}

export function greaterEqual(a: usize): void {
  broadcast(7, a);
}

export function equal(a: usize): void {
  broadcast(8, a);
}

export function where(a: usize): void {
  let out = load<usize>(a);
  let condition = load<usize>(a, 4);
  let x = load<usize>(a, 8);
  let y = load<usize>(a, 12);
  let n = load<i32>(a, 16);
  for (; n >= 8; n -= 8) {
    const chosen0 = f32x4.ne(v128.load(condition), c(15));
    const chosen1 = f32x4.ne(v128.load(condition, 16), c(15));
    const z0 = v128.bitselect(v128.load(x), v128.load(y), chosen0);
    const z1 = v128.bitselect(v128.load(x, 16), v128.load(y, 16), chosen1);
    v128.store(out, z0);
    v128.store(out, z1, 16);
    out += 32;
    condition += 32;
    x += 32;
    y += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const chosen = f32x4.ne(loadSome(condition, left), c(15));
    storeSome(out, v128.bitselect(loadSome(x, left), loadSome(y, left), chosen), left);
    out += 16;
    condition += 16;
    x += 16;
    y += 16;
  }
}
