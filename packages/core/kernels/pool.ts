/**
 * Pooling over the planes of images: one window for each output, cut off where it leaves the image. Windows are read row by row; a largest
 * value is the first of equal ones, and NaN is larger than everything.
 */

let height: i32 = 0;
let width: i32 = 0;
let outHeight: i32 = 0;
let outWidth: i32 = 0;
let kernelHeight: i32 = 0;
let kernelWidth: i32 = 0;
let strideY: i32 = 0;
let strideX: i32 = 0;
let top: i32 = 0;
let left: i32 = 0;
let dilationY: i32 = 0;
let dilationX: i32 = 0;

function readSizes(a: usize): void {
  height = load<i32>(a);
  width = load<i32>(a, 4);
  outHeight = load<i32>(a, 8);
  outWidth = load<i32>(a, 12);
  kernelHeight = load<i32>(a, 16);
  kernelWidth = load<i32>(a, 20);
  strideY = load<i32>(a, 24);
  strideX = load<i32>(a, 28);
  top = load<i32>(a, 32);
  left = load<i32>(a, 36);
  dilationY = load<i32>(a, 40);
  dilationX = load<i32>(a, 44);
}

/** Windows of 2 x 2 that touch and do not overlap: the usual case, four at a time. */
function isHalving(): bool {
  return (
    kernelHeight == 2 && kernelWidth == 2 && strideY == 2 && strideX == 2 && top == 0 && left == 0 && dilationY == 1 &&
    dilationX == 1 && outHeight * 2 <= height && outWidth * 2 <= width
  );
}

/** Windows of one pixel: every so many of an image, as the shortcut of a residual block takes them. */
function isPicking(): bool {
  return kernelHeight == 1 && kernelWidth == 1 && top == 0 && left == 0;
}

export function maxPool(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  readSizes(a + 12);
  const halving = isHalving();
  const picking = isPicking();
  for (let planes = load<i32>(a, 8); planes > 0; planes--) {
    for (let y = 0; y < outHeight; y++) {
      let ox = 0;
      if (picking) {
        let p = x + (<usize>(y * strideY * width) << 2);
        for (; ox < outWidth; ox++) {
          store<f32>(out, load<f32>(p));
          out += 4;
          p += <usize>strideX << 2;
        }
      }
      if (halving) {
        const row = x + <usize>(2 * y * width) * 4;
        for (; ox + 4 <= outWidth; ox += 4) {
          v128.store(out, larger4(row + (<usize>ox << 3), <usize>width << 2));
          out += 16;
        }
      }
      for (; ox < outWidth; ox++) {
        const at = largestAt(x, y, ox);
        store<f32>(out, at == nowhere ? -Infinity : load<f32>(x + at));
        out += 4;
      }
    }
    x += <usize>(height * width) << 2;
  }
}

/** `b` where it is larger or NaN. */
// @ts-ignore: decorator
@inline
function wins(a: v128, b: v128): v128 {
  return v128.or(f32x4.gt(b, a), f32x4.ne(b, b));
}

// @ts-ignore: decorator
@inline
function larger4(p: usize, row: usize): v128 {
  const u0 = v128.load(p);
  const u1 = v128.load(p, 16);
  const d0 = v128.load(p + row);
  const d1 = v128.load(p + row, 16);
  let y = v128.shuffle<f32>(u0, u1, 0, 2, 4, 6);
  const b = v128.shuffle<f32>(u0, u1, 1, 3, 5, 7);
  const c = v128.shuffle<f32>(d0, d1, 0, 2, 4, 6);
  const d = v128.shuffle<f32>(d0, d1, 1, 3, 5, 7);
  y = v128.bitselect(b, y, wins(y, b));
  y = v128.bitselect(c, y, wins(y, c));
  return v128.bitselect(d, y, wins(y, d));
}

/** A window of zeros around the image only, which a dilation may give. */
const nowhere: usize = -4;

/** Where the largest value of a window lies in its plane, in bytes. */
function largestAt(x: usize, oy: i32, ox: i32): usize {
  let best: f32 = 0;
  let at: i32 = -1;
  let y = oy * strideY - top;
  for (let ky = 0; ky < kernelHeight; ky++, y += dilationY) {
    if (y < 0 || y >= height) continue;
    let c = ox * strideX - left;
    for (let kx = 0; kx < kernelWidth; kx++, c += dilationX) {
      if (c < 0 || c >= width) continue;
      const i = y * width + c;
      const v = load<f32>(x + (<usize>i << 2));
      if (at < 0 || v > best || v != v) {
        best = v;
        at = i;
      }
    }
  }
  return <usize>(at << 2);
}

/** A gradient goes to where the window's largest value was. */
export function maxPoolGrad(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let g = load<usize>(a, 8);
  const planes = load<i32>(a, 12);
  readSizes(a + 16);
  const plane = <usize>(height * width) << 2;
  const halving = isHalving();
  if (!halving || outHeight * 2 < height || outWidth * 2 < width) memory.fill(out, 0, plane * <usize>planes);
  const picking = isPicking();
  for (let i = 0; i < planes; i++) {
    for (let y = 0; y < outHeight; y++) {
      let ox = 0;
      if (picking) {
        let p = out + (<usize>(y * strideY * width) << 2);
        for (; ox < outWidth; ox++) {
          store<f32>(p, <f32>0 + load<f32>(g));
          g += 4;
          p += <usize>strideX << 2;
        }
      }
      if (halving) {
        const row = <usize>(2 * y * width) << 2;
        for (; ox + 4 <= outWidth; ox += 4) {
          const at = row + (<usize>ox << 3);
          give4(out + at, x + at, <usize>width << 2, v128.load(g));
          g += 16;
        }
      }
      for (; ox < outWidth; ox++) {
        const at = largestAt(x, y, ox);
        if (halving) clear2(out + (<usize>(2 * y * width + 2 * ox) << 2));
        if (at != nowhere) store<f32>(out + at, load<f32>(out + at) + load<f32>(g));
        g += 4;
      }
    }
    out += plane;
    x += plane;
  }
}

/** Zeros in one window of 2 x 2. */
// @ts-ignore: decorator
@inline
function clear2(out: usize): void {
  store<u64>(out, 0);
  store<u64>(out + (<usize>width << 2), 0);
}

// @ts-ignore: decorator
@inline
function give4(out: usize, p: usize, row: usize, g: v128): void {
  const u0 = v128.load(p);
  const u1 = v128.load(p, 16);
  const d0 = v128.load(p + row);
  const d1 = v128.load(p + row, 16);
  const a = v128.shuffle<f32>(u0, u1, 0, 2, 4, 6);
  const b = v128.shuffle<f32>(u0, u1, 1, 3, 5, 7);
  const c = v128.shuffle<f32>(d0, d1, 0, 2, 4, 6);
  const d = v128.shuffle<f32>(d0, d1, 1, 3, 5, 7);
  const byB = wins(a, b);
  let best = v128.bitselect(b, a, byB);
  const byC = wins(best, c);
  best = v128.bitselect(c, best, byC);
  const byD = wins(best, d);
  const zero = f32x4.splat(0);
  const toD = v128.bitselect(g, zero, byD);
  const restD = v128.bitselect(zero, g, byD);
  const toC = v128.bitselect(restD, zero, byC);
  const restC = v128.bitselect(zero, restD, byC);
  const toB = v128.bitselect(restC, zero, byB);
  const toA = v128.bitselect(zero, restC, byB);
  v128.store(out, v128.shuffle<f32>(toA, toB, 0, 4, 1, 5));
  v128.store(out, v128.shuffle<f32>(toA, toB, 2, 6, 3, 7), 16);
  v128.store(out + row, v128.shuffle<f32>(toC, toD, 0, 4, 1, 5));
  v128.store(out + row, v128.shuffle<f32>(toC, toD, 2, 6, 3, 7), 16);
}

// What the sum of a window is divided by: the elements it has in the image, those in the padded image, or nothing.
const byElements: i32 = 0;
const byPadded: i32 = 1;
// and `adaptive`: output i of n takes elements floor(i size / n) to ceil((i + 1) size / n)
const adaptive: i32 = 3;

let fromY: i32 = 0;
let toY: i32 = 0;
let fromX: i32 = 0;
let toX: i32 = 0;

/** Sets the window of an output, cut off at the image, and returns what its sum is divided by. */
function windowOf(oy: i32, ox: i32, mode: i32): f32 {
  if (mode == adaptive) {
    fromY = oy * height / outHeight;
    toY = ((oy + 1) * height + outHeight - 1) / outHeight;
    fromX = ox * width / outWidth;
    toX = ((ox + 1) * width + outWidth - 1) / outWidth;
    return <f32>((toY - fromY) * (toX - fromX));
  }
  const y = oy * strideY - top;
  const x = ox * strideX - left;
  fromY = max(y, 0);
  toY = min(y + kernelHeight, height);
  fromX = max(x, 0);
  toX = min(x + kernelWidth, width);
  if (mode == byElements) return <f32>((toY - fromY) * (toX - fromX));
  if (mode == byPadded) return <f32>((min(y + kernelHeight, height + top) - y) * (min(x + kernelWidth, width + left) - x));
  return 1;
}

export function averagePool(a: usize): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  readSizes(a + 12);
  const mode = load<i32>(a, 60);
  for (let planes = load<i32>(a, 8); planes > 0; planes--) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const divisor = windowOf(oy, ox, mode);
        let sum: f32 = 0;
        for (let y = fromY; y < toY; y++) {
          const row = x + (<usize>(y * width) << 2);
          for (let p = row + (<usize>fromX << 2); p < row + (<usize>toX << 2); p += 4) sum += load<f32>(p);
        }
        store<f32>(out, sum / divisor);
        out += 4;
      }
    }
    x += <usize>(height * width) << 2;
  }
}

/** Every element of a window gets its share; windows add up in the order of the outputs. */
export function averagePoolGrad(a: usize): void {
  let out = load<usize>(a);
  let g = load<usize>(a, 4);
  const planes = load<i32>(a, 8);
  readSizes(a + 12);
  const mode = load<i32>(a, 60);
  const plane = <usize>(height * width) << 2;
  memory.fill(out, 0, plane * <usize>planes);
  for (let i = 0; i < planes; i++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const share = load<f32>(g) / windowOf(oy, ox, mode);
        for (let y = fromY; y < toY; y++) {
          const row = out + (<usize>(y * width) << 2);
          for (let p = row + (<usize>fromX << 2); p < row + (<usize>toX << 2); p += 4) store<f32>(p, load<f32>(p) + share);
        }
        g += 4;
      }
    }
    out += plane;
  }
}
