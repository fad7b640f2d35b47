import { indexError, lanesAt } from './context';
import { joinLanes, keep, loadLanes, loadSome, rowMax, rowSum, storeSome } from './lanes';
import { expRow, sumOfExp } from './softmax';
import { c, log4 } from './vector-math';

// Cross entropy against shares t of the classes: sum over classes of t (logsumexp - x), and its slope p sum(t) - t.

/** t (shift + (top - x)); 0 where t is 0, so that a class ruled out by -Infinity costs nothing. */
// @ts-ignore: decorator
@inline
function cross4(x: v128, t: v128, top: v128, shift: v128): v128 {
  const y = f32x4.mul(t, f32x4.add(shift, f32x4.sub(top, x)));
  return v128.andnot(y, f32x4.eq(t, c(15)));
}

/** Sum of `cross4` over n, element j in lane j mod 8. */
function crossRow(x: usize, t: usize, n: i32, top: f32, shift: f32): f32 {
  const highest = f32x4.splat(top);
  const s = f32x4.splat(shift);
  let low = f32x4.splat(0);
  let high = low;
  let j = 0;
  for (; j + 8 <= n; j += 8) {
    const p = <usize>j << 2;
    low = f32x4.add(low, cross4(v128.load(x + p), v128.load(t + p), highest, s));
    high = f32x4.add(high, cross4(v128.load(x + p, 16), v128.load(t + p, 16), highest, s));
  }
  const rest = n - j;
  const p = <usize>j << 2;
  const first = min(rest, 4);
  if (rest > 0) low = f32x4.add(low, keep(cross4(loadSome(x + p, first), loadSome(t + p, first), highest, s), rest));
  if (rest > 4) {
    const y = cross4(loadLanes(x + p + 16, rest - 4), loadLanes(t + p + 16, rest - 4), highest, s);
    high = f32x4.add(high, keep(y, rest - 4));
  }
  return joinLanes(low, high);
}

/** log of the sum of e^(x - top). */
function logSum(x: usize, n: i32, top: f32, ctx: usize): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(sumOfExp(x, n, top, ctx + lanesAt))), 0);
}

/** out = (out / sum total - t share) g */
function slopeRow(out: usize, t: usize, n: i32, sum: f32, total: f32, share: f32, g: f32): void {
  const s = f32x4.splat(sum);
  const w = f32x4.splat(total);
  const q = f32x4.splat(share);
  const k = f32x4.splat(g);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(out);
    const x1 = v128.load(out, 16);
    const t0 = v128.load(t);
    const t1 = v128.load(t, 16);
    const y0 = f32x4.mul(f32x4.sub(f32x4.mul(f32x4.div(x0, s), w), f32x4.mul(t0, q)), k);
    const y1 = f32x4.mul(f32x4.sub(f32x4.mul(f32x4.div(x1, s), w), f32x4.mul(t1, q)), k);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    t += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    const y = f32x4.sub(f32x4.mul(f32x4.div(loadSome(out, left), s), w), f32x4.mul(loadSome(t, left), q));
    storeSome(out, f32x4.mul(y, k), left);
    out += 16;
    t += 16;
  }
}

export function softCrossEntropy(a: usize): void {
  const out = load<usize>(a);
  const logits = load<usize>(a, 4);
  const targets = load<usize>(a, 8);
  const rows = load<i32>(a, 12);
  const columns = load<i32>(a, 16);
  for (let i = 0; i < rows; i++) {
    const at = <usize>i * <usize>columns << 2;
    const top = rowMax(logits + at, columns);
    const shift = logSum(logits + at, columns, top, load<usize>(a, 20));
    store<f32>(out + (<usize>i << 2), crossRow(logits + at, targets + at, columns, top, shift));
  }
}

export function softCrossEntropyGrad(a: usize): void {
  const out = load<usize>(a);
  const logits = load<usize>(a, 4);
  const targets = load<usize>(a, 8);
  const g = load<usize>(a, 12);
  const rows = load<i32>(a, 16);
  const columns = load<i32>(a, 20);
  for (let i = 0; i < rows; i++) {
    const at = <usize>i * <usize>columns << 2;
    const sum = expRow(out + at, logits + at, columns, rowMax(logits + at, columns), 1);
    const total = rowSum(targets + at, columns);
    slopeRow(out + at, targets + at, columns, sum, total, 1, load<f32>(g + (<usize>i << 2)));
  }
}

/** With a weight w for each class and smoothing s: t = (1 - s) w[label] at the label, plus s / classes w everywhere. */
export function weightedCrossEntropy(a: usize): void {
  const out = load<usize>(a);
  const logits = load<usize>(a, 4);
  const labels = load<usize>(a, 8);
  const weights = load<usize>(a, 12);
  const rows = load<i32>(a, 16);
  const columns = load<i32>(a, 20);
  const smoothing = load<f32>(a, 28);
  const ctx = load<usize>(a, 32);
  const share: f32 = smoothing / <f32>columns;
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    const row = logits + (<usize>i * <usize>columns << 2);
    let value: f32 = 0;
    if (label != load<i32>(a, 24)) {
      if (<u32>label < <u32>columns) {
        const at = <usize>label << 2;
        const top = rowMax(row, columns);
        const shift = logSum(row, columns, top, ctx);
        value = (1 - smoothing) * load<f32>(weights + at) * (shift + (top - load<f32>(row + at)));
        if (share != 0) value += share * crossRow(row, weights, columns, top, shift);
      } else {
        indexError(ctx, load<i32>(a, 36), i, label);
      }
    }
    store<f32>(out + (<usize>i << 2), value);
  }
}

export function weightedCrossEntropyGrad(a: usize): void {
  const out = load<usize>(a);
  const logits = load<usize>(a, 4);
  const labels = load<usize>(a, 8);
  const weights = load<usize>(a, 12);
  const g = load<usize>(a, 16);
  const rows = load<i32>(a, 20);
  const columns = load<i32>(a, 24);
  const ignored = load<i32>(a, 28);
  const smoothing = load<f32>(a, 32);
  const share: f32 = smoothing / <f32>columns;
  const spread: f32 = share * rowSum(weights, columns);
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    const at = <usize>i * <usize>columns << 2;
    if (label == ignored || <u32>label >= <u32>columns) {
      memory.fill(out + at, 0, <usize>columns << 2);
      continue;
    }
    const gradient = load<f32>(g + (<usize>i << 2));
    const own: f32 = (1 - smoothing) * load<f32>(weights + (<usize>label << 2));
    const sum = expRow(out + at, logits + at, columns, rowMax(logits + at, columns), 1);
    slopeRow(out + at, weights, columns, sum, own + spread, share, gradient);
    const q = out + at + (<usize>label << 2);
    store<f32>(q, load<f32>(q) - own * gradient);
  }
}
