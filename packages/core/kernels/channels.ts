import { joinLanes, loadSome, rowSum, storeSome } from './lanes';
import { joinSegments, place } from './tree';

/**
 * Kernels over x [samples, channels, positions] by channel. A sum over a channel goes through the samples in ascending order, each
 * plane by the row rule; segments of samples are kept apart.
 */

/** Sum of x y of one plane, by the row rule. */
function planeDot(x: usize, y: usize, n: i32): f32 {
  let low = f32x4.splat(0);
  let high = low;
  for (; n >= 8; n -= 8) {
    low = f32x4.add(low, f32x4.mul(v128.load(x), v128.load(y)));
    high = f32x4.add(high, f32x4.mul(v128.load(x, 16), v128.load(y, 16)));
    x += 32;
    y += 32;
  }
  if (n > 0) low = f32x4.add(low, f32x4.mul(loadSome(x, min(n, 4)), loadSome(y, min(n, 4))));
  if (n > 4) high = f32x4.add(high, f32x4.mul(loadSome(x + 16, n - 4), loadSome(y + 16, n - 4)));
  return joinLanes(low, high);
}

/** out[c] = sum over samples and positions, the segments joined by the tree. */
export function channelSum(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const seg = load<usize>(a, 8);
  const count = load<i32>(a, 12);
  const channels = load<i32>(a, 16);
  const positions = load<i32>(a, 20);
  const scratch = load<usize>(a, 24);
  const plane = <usize>positions << 2;
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const entry = seg + (<usize>s << 2);
    const into = place(out, scratch, channels, depth);
    for (let c = 0; c < channels; c++) {
      let sum: f32 = 0;
      for (let n = load<i32>(entry); n < load<i32>(entry, 4); n++) sum += rowSum(x + <usize>(n * channels + c) * plane, positions);
      store<f32>(into + (<usize>c << 2), sum);
    }
    depth = joinSegments(out, scratch, channels, depth, s, s + 1 == count);
  }
}

/** out[c] = sum over samples and positions of x y, the segments joined by the tree. */
export function channelDot(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const y = load<usize>(a, 8);
  const seg = load<usize>(a, 12);
  const count = load<i32>(a, 16);
  const channels = load<i32>(a, 20);
  const positions = load<i32>(a, 24);
  const scratch = load<usize>(a, 28);
  const plane = <usize>positions << 2;
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const entry = seg + (<usize>s << 2);
    const into = place(out, scratch, channels, depth);
    for (let c = 0; c < channels; c++) {
      let sum: f32 = 0;
      for (let n = load<i32>(entry); n < load<i32>(entry, 4); n++) {
        const at = <usize>(n * channels + c) * plane;
        sum += planeDot(x + at, y + at, positions);
      }
      store<f32>(into + (<usize>c << 2), sum);
    }
    depth = joinSegments(out, scratch, channels, depth, s, s + 1 == count);
  }
}

/** x scale[c] + shift[c]; no shift where it is 0. */
export function channelAffine(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  const scale = load<usize>(a, 8);
  const shift = load<usize>(a, 12);
  const channels = load<i32>(a, 20);
  const positions = load<i32>(a, 24);
  const plane = <usize>positions << 2;
  for (let samples = load<i32>(a, 16); samples > 0; samples--) {
    for (let c: usize = 0; c < <usize>channels; c++) {
      const w = load<f32>(scale + (c << 2));
      if (shift) affineRow(out, x, positions, w, load<f32>(shift + (c << 2)), true);
      else affineRow(out, x, positions, w, 0, false);
      out += plane;
      x += plane;
    }
  }
}

// @ts-ignore: decorator
@inline
function affineRow(out: usize, x: usize, n: i32, scale: f32, shift: f32, shifted: bool): void {
  const w = f32x4.splat(scale);
  const b = f32x4.splat(shift);
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    let y0 = f32x4.mul(x0, w);
    let y1 = f32x4.mul(x1, w);
    if (shifted) y0 = f32x4.add(y0, b);
    if (shifted) y1 = f32x4.add(y1, b);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    x += 32;
  }
  for (; n > 0; n -= 4) {
    const left = min(n, 4);
    let y = f32x4.mul(loadSome(x, left), w);
    if (shifted) y = f32x4.add(y, b);
    storeSome(out, y, left);
    out += 16;
    x += 16;
  }
}
