import { joinLanes, keep, loadLanes, loadSome, rowMax, rowMin, rowSum, storeLanes, storeSome } from './lanes';
import { exp4, log4 } from './vector-math';

/** out = e^(scale x - top) over n floats; returns their sum, element j in lane j mod 8. */
export function expRow(out: usize, x: usize, n: i32, top: f32, scale: f32): f32 {
  const t = f32x4.splat(top);
  const k = f32x4.splat(scale);
  let low = f32x4.splat(0);
  let high = low;
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    const p = <usize>j << 2;
    const x0 = v128.load(x + p);
    const x1 = v128.load(x + p, 16);
    const y0 = exp4(f32x4.sub(f32x4.mul(x0, k), t));
    const y1 = exp4(f32x4.sub(f32x4.mul(x1, k), t));
    low = f32x4.add(low, y0);
    high = f32x4.add(high, y1);
    v128.store(out + p, y0);
    v128.store(out + p, y1, 16);
  }
  for (let at = 0; j < n; at++) {
    const left = min(n - j, 4);
    const p = <usize>j << 2;
    const y = keep(exp4(f32x4.sub(f32x4.mul(loadSome(x + p, left), k), t)), left);
    if (left == 4) v128.store(out + p, y);
    else storeLanes(out + p, y, left);
    if (at) high = f32x4.add(high, y);
    else low = f32x4.add(low, y);
    j += 4;
  }
  return joinLanes(low, high);
}

/** out = out / by */
function divideRow(out: usize, n: i32, by: f32): void {
  const d = f32x4.splat(by);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(out);
    const x1 = v128.load(out, 16);
    const y0 = f32x4.div(x0, d);
    const y1 = f32x4.div(x1, d);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.div(loadSome(out, left), d), left);
    out += 16;
  }
}

function softmaxRow(out: usize, x: usize, n: i32, scale: f32): void {
  const top = (scale < 0 ? rowMin(x, n) : rowMax(x, n)) * scale;
  divideRow(out, n, expRow(out, x, n, top, scale));
}

export function softmax(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const rows = load<i32>(a, 8);
  const columns = load<i32>(a, 12);
  for (let i = 0; i < rows; i++) {
    const p = <usize>i * <usize>columns << 2;
    softmaxRow(out + p, x + p, columns, 1);
  }
}

export function logSoftmax(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const rows = load<i32>(a, 8);
  const columns = load<i32>(a, 12);
  const row = <usize>columns << 2;
  for (let i = 0; i < rows; i++) {
    const p = x + <usize>i * row;
    const q = out + <usize>i * row;
    const top = rowMax(p, columns);
    const sum = f32x4.extract_lane(log4(f32x4.splat(sumOfExp(p, columns, top, columns >= 8 && p != q ? q : 0))), 0);
    shiftRow(q, p, columns, top, sum);
  }
}

/** out = x - top - sum */
function shiftRow(out: usize, x: usize, n: i32, top: f32, sum: f32): void {
  const t = f32x4.splat(top);
  const s = f32x4.splat(sum);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const y0 = f32x4.sub(f32x4.sub(x0, t), s);
    const y1 = f32x4.sub(f32x4.sub(x1, t), s);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    x += 32;
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.sub(f32x4.sub(loadSome(x, left), t), s), left);
    x += 16;
    out += 16;
  }
}

/**
 * As `expRow` without storing. `lanes`: 32 bytes to put the sums down, or 0: V8 widens a loop only towards neighbouring stores, and
 * the kernels have no memory of their own, since threads share it.
 */
export function sumOfExp(x: usize, n: i32, top: f32, lanes: usize): f32 {
  const t = f32x4.splat(top);
  let low = f32x4.splat(0);
  let high = low;
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    const p = x + (<usize>j << 2);
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    low = f32x4.add(low, exp4(f32x4.sub(x0, t)));
    high = f32x4.add(high, exp4(f32x4.sub(x1, t)));
  }
  if (lanes) {
    v128.store(lanes, low);
    v128.store(lanes, high, 16);
    low = v128.load(lanes);
    high = v128.load(lanes, 16);
  }
  const rest = n - j;
  const p = x + (<usize>j << 2);
  if (rest > 0) low = f32x4.add(low, keep(exp4(f32x4.sub(loadSome(p, min(rest, 4)), t)), rest));
  if (rest > 4) high = f32x4.add(high, keep(exp4(f32x4.sub(loadLanes(p + 16, rest - 4), t)), rest - 4));
  return joinLanes(low, high);
}

/** Sum of x y over n, element j in lane j mod 8. */
export function dotRow(x: usize, y: usize, n: i32): f32 {
  let low = f32x4.splat(0);
  let high = low;
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    const p = <usize>j << 2;
    low = f32x4.add(low, f32x4.mul(v128.load(x + p), v128.load(y + p)));
    high = f32x4.add(high, f32x4.mul(v128.load(x + p, 16), v128.load(y + p, 16)));
  }
  const rest = n - j;
  const p = <usize>j << 2;
  if (rest >= 4) {
    low = f32x4.add(low, f32x4.mul(v128.load(x + p), v128.load(y + p)));
    if (rest > 4) high = f32x4.add(high, f32x4.mul(loadLanes(x + p + 16, rest - 4), loadLanes(y + p + 16, rest - 4)));
  } else if (rest > 0) {
    low = f32x4.add(low, f32x4.mul(loadLanes(x + p, rest), loadLanes(y + p, rest)));
  }
  return joinLanes(low, high);
}

/** scale y (g - sum y g) for one row. */
function gradRow(out: usize, y: usize, g: usize, n: i32, scale: f32): void {
  const s = f32x4.splat(dotRow(y, g, n));
  const k = f32x4.splat(scale);
  for (; n >= 8; n -= 8) {
    const y0 = v128.load(y);
    const y1 = v128.load(y, 16);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const z0 = f32x4.mul(k, f32x4.mul(y0, f32x4.sub(g0, s)));
    const z1 = f32x4.mul(k, f32x4.mul(y1, f32x4.sub(g1, s)));
    v128.store(out, z0);
    v128.store(out, z1, 16);
    y += 32;
    g += 32;
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const z = f32x4.mul(k, f32x4.mul(loadSome(y, left), f32x4.sub(loadSome(g, left), s)));
    if (left == 4) v128.store(out, z);
    else storeLanes(out, z, left);
    y += 16;
    g += 16;
    out += 16;
  }
}

export function softmaxGrad(a: usize): void {
  gradRows(a, 1);
}

export function scaledSoftmaxGrad(a: usize): void {
  gradRows(a, load<f32>(a, 20));
}

function gradRows(a: usize, scale: f32): void {
  const out = load<usize>(a);
  const y = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const rows = load<i32>(a, 12);
  const columns = load<i32>(a, 16);
  for (let i = 0; i < rows; i++) {
    const p = <usize>i * <usize>columns << 2;
    gradRow(out + p, y + p, g + p, columns, scale);
  }
}

/** g - e^y sum g */
export function logSoftmaxGrad(a: usize): void {
  const out = load<usize>(a);
  const y = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const rows = load<i32>(a, 12);
  const columns = load<i32>(a, 16);
  for (let i = 0; i < rows; i++) {
    const p = <usize>i * <usize>columns << 2;
    logGradRow(out + p, y + p, g + p, columns, rowSum(g + p, columns));
  }
}

function logGradRow(out: usize, y: usize, g: usize, n: i32, sum: f32): void {
  const s = f32x4.splat(sum);
  for (; n >= 8; n -= 8) {
    const y0 = v128.load(y);
    const y1 = v128.load(y, 16);
    const g0 = v128.load(g);
    const g1 = v128.load(g, 16);
    const z0 = f32x4.sub(g0, f32x4.mul(exp4(y0), s));
    const z1 = f32x4.sub(g1, f32x4.mul(exp4(y1), s));
    v128.store(out, z0);
    v128.store(out, z1, 16);
    y += 32;
    g += 32;
    out += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    storeSome(out, f32x4.sub(loadSome(g, left), f32x4.mul(exp4(loadSome(y, left)), s)), left);
    y += 16;
    g += 16;
    out += 16;
  }
}

export function causalSoftmax(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const batch = load<i32>(a, 8);
  const queries = load<i32>(a, 12);
  const keys = load<i32>(a, 16);
  const scale = load<f32>(a, 20);
  const row = <usize>keys << 2;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < queries; i++) {
      const seen = max(i + 1 + keys - queries, 0);
      softmaxRow(out, x, seen, scale);
      memory.fill(out + (<usize>seen << 2), 0, <usize>(keys - seen) << 2);
      out += row;
      x += row;
    }
  }
}
