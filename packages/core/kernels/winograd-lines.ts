/**
 * The five matrices of Winograd's convolution F(4 x 4, 3 x 3) (Lavin and Gray 2016), each applied to lines of 8 lanes: `from` holds the line's
 * elements `step` bytes apart, its image goes to `to`, `pitch` bytes apart. A transposed matrix belongs to the derivative.
 *
 * The points are 0, +-5/8, +-3/2 and infinity. All coefficients of the data's transforms are exact in f32, and rounding errors are about
 * twice those of a direct convolution (with the usual 0, +-1, +-2 they are five times).
 *
 * See matmul-tiles.ts for why all loads come first and all stores last.
 */

/** a a b b, a a + b b, a, b, a a, b b, a a a, b b b, 1 / (a a b b), 1 / (2 a a (a a - b b)), 1 / (2 b b (b b - a a)) for a = 5/8, b = 3/2 */
const table: usize = memory.data<f32>([
  0.87890625, 2.640625, 0.625, 1.5, 0.390625, 2.25, 0.244140625, 3.375, 1.1377777777777778, -0.68840336134453781,
  0.11951447245564893,
], 16);

// @ts-ignore: decorator
@inline
function c(i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

// @ts-ignore: decorator
@inline
function mul(x: v128, y: v128): v128 {
  return f32x4.mul(x, y);
}

// @ts-ignore: decorator
@inline
function add(x: v128, y: v128): v128 {
  return f32x4.add(x, y);
}

// @ts-ignore: decorator
@inline
function sub(x: v128, y: v128): v128 {
  return f32x4.sub(x, y);
}

/** An image's line of 6 to its values at the points: rows of B^T. */
// @ts-ignore: decorator
@inline
export function imageLine(from: usize, step: usize, to: usize, pitch: usize): void {
  const x0 = v128.load(from);
  const y0 = v128.load(from, 16);
  from += step;
  const x1 = v128.load(from);
  const y1 = v128.load(from, 16);
  from += step;
  const x2 = v128.load(from);
  const y2 = v128.load(from, 16);
  from += step;
  const x3 = v128.load(from);
  const y3 = v128.load(from, 16);
  from += step;
  const x4 = v128.load(from);
  const y4 = v128.load(from, 16);
  from += step;
  const x5 = v128.load(from);
  const y5 = v128.load(from, 16);
  const product = c(0);
  const sum = c(1);
  const aa = c(4);
  const bb = c(5);
  const u0 = add(sub(mul(product, x0), mul(sum, x2)), x4);
  const v0 = add(sub(mul(product, y0), mul(sum, y2)), y4);
  const u5 = add(sub(mul(product, x1), mul(sum, x3)), x5);
  const v5 = add(sub(mul(product, y1), mul(sum, y3)), y5);
  const a = c(2);
  const evenXa = sub(x4, mul(bb, x2));
  const evenYa = sub(y4, mul(bb, y2));
  const oddXa = mul(a, sub(x3, mul(bb, x1)));
  const oddYa = mul(a, sub(y3, mul(bb, y1)));
  const b = c(3);
  const evenXb = sub(x4, mul(aa, x2));
  const evenYb = sub(y4, mul(aa, y2));
  const oddXb = mul(b, sub(x3, mul(aa, x1)));
  const oddYb = mul(b, sub(y3, mul(aa, y1)));
  const u1 = add(evenXa, oddXa);
  const v1 = add(evenYa, oddYa);
  const u2 = sub(evenXa, oddXa);
  const v2 = sub(evenYa, oddYa);
  const u3 = add(evenXb, oddXb);
  const v3 = add(evenYb, oddYb);
  const u4 = sub(evenXb, oddXb);
  const v4 = sub(evenYb, oddYb);
  v128.store(to, u0);
  v128.store(to, v0, 16);
  to += pitch;
  v128.store(to, u1);
  v128.store(to, v1, 16);
  to += pitch;
  v128.store(to, u2);
  v128.store(to, v2, 16);
  to += pitch;
  v128.store(to, u3);
  v128.store(to, v3, 16);
  to += pitch;
  v128.store(to, u4);
  v128.store(to, v4, 16);
  to += pitch;
  v128.store(to, u5);
  v128.store(to, v5, 16);
}

/** Values at the points to 4 outputs: rows of A^T. */
// @ts-ignore: decorator
@inline
export function outputLine(from: usize, step: usize, to: usize, pitch: usize): void {
  const x0 = v128.load(from);
  const y0 = v128.load(from, 16);
  from += step;
  const x1 = v128.load(from);
  const y1 = v128.load(from, 16);
  from += step;
  const x2 = v128.load(from);
  const y2 = v128.load(from, 16);
  from += step;
  const x3 = v128.load(from);
  const y3 = v128.load(from, 16);
  from += step;
  const x4 = v128.load(from);
  const y4 = v128.load(from, 16);
  from += step;
  const x5 = v128.load(from);
  const y5 = v128.load(from, 16);
  const sumXa = add(x1, x2);
  const sumYa = add(y1, y2);
  const difXa = sub(x1, x2);
  const difYa = sub(y1, y2);
  const sumXb = add(x3, x4);
  const sumYb = add(y3, y4);
  const difXb = sub(x3, x4);
  const difYb = sub(y3, y4);
  const u0 = add(x0, add(sumXa, sumXb));
  const v0 = add(y0, add(sumYa, sumYb));
  const u1 = add(mul(c(2), difXa), mul(c(3), difXb));
  const v1 = add(mul(c(2), difYa), mul(c(3), difYb));
  const u2 = add(mul(c(4), sumXa), mul(c(5), sumXb));
  const v2 = add(mul(c(4), sumYa), mul(c(5), sumYb));
  const u3 = add(add(mul(c(6), difXa), mul(c(7), difXb)), x5);
  const v3 = add(add(mul(c(6), difYa), mul(c(7), difYb)), y5);
  v128.store(to, u0);
  v128.store(to, v0, 16);
  to += pitch;
  v128.store(to, u1);
  v128.store(to, v1, 16);
  to += pitch;
  v128.store(to, u2);
  v128.store(to, v2, 16);
  to += pitch;
  v128.store(to, u3);
  v128.store(to, v3, 16);
}

/** A line of 4 gradients of outputs to gradients at the points: rows of A. */
// @ts-ignore: decorator
@inline
export function gradientLine(from: usize, step: usize, to: usize, pitch: usize): void {
  const x0 = v128.load(from);
  const y0 = v128.load(from, 16);
  from += step;
  const x1 = v128.load(from);
  const y1 = v128.load(from, 16);
  from += step;
  const x2 = v128.load(from);
  const y2 = v128.load(from, 16);
  from += step;
  const x3 = v128.load(from);
  const y3 = v128.load(from, 16);
  const evenXa = add(x0, mul(c(4), x2));
  const evenYa = add(y0, mul(c(4), y2));
  const oddXa = add(mul(c(2), x1), mul(c(6), x3));
  const oddYa = add(mul(c(2), y1), mul(c(6), y3));
  const evenXb = add(x0, mul(c(5), x2));
  const evenYb = add(y0, mul(c(5), y2));
  const oddXb = add(mul(c(3), x1), mul(c(7), x3));
  const oddYb = add(mul(c(3), y1), mul(c(7), y3));
  const u1 = add(evenXa, oddXa);
  const v1 = add(evenYa, oddYa);
  const u2 = sub(evenXa, oddXa);
  const v2 = sub(evenYa, oddYa);
  const u3 = add(evenXb, oddXb);
  const v3 = add(evenYb, oddYb);
  const u4 = sub(evenXb, oddXb);
  const v4 = sub(evenYb, oddYb);
  v128.store(to, x0);
  v128.store(to, y0, 16);
  to += pitch;
  v128.store(to, u1);
  v128.store(to, v1, 16);
  to += pitch;
  v128.store(to, u2);
  v128.store(to, v2, 16);
  to += pitch;
  v128.store(to, u3);
  v128.store(to, v3, 16);
  to += pitch;
  v128.store(to, u4);
  v128.store(to, v4, 16);
  to += pitch;
  v128.store(to, x3);
  v128.store(to, y3, 16);
}

/** A line of 3 weights to their values at the points: rows of G. */
// @ts-ignore: decorator
@inline
export function weightLine(from: usize, step: usize, to: usize, pitch: usize): void {
  for (const end = from + 32; from < end; from += 16, to += 16) {
    const x0 = v128.load(from);
    const x1 = v128.load(from + step);
    const x2 = v128.load(from + step * 2);
    const evenA = mul(c(9), add(x0, mul(c(4), x2)));
    const oddA = mul(c(9), mul(c(2), x1));
    const evenB = mul(c(10), add(x0, mul(c(5), x2)));
    const oddB = mul(c(10), mul(c(3), x1));
    let d = to;
    v128.store(d, mul(c(8), x0));
    d += pitch;
    v128.store(d, add(evenA, oddA));
    d += pitch;
    v128.store(d, sub(evenA, oddA));
    d += pitch;
    v128.store(d, add(evenB, oddB));
    d += pitch;
    v128.store(d, sub(evenB, oddB));
    d += pitch;
    v128.store(d, x2);
  }
}

/** Gradients at the points to those of 3 weights: rows of G^T. */
// @ts-ignore: decorator
@inline
export function weightGradientLine(from: usize, step: usize, to: usize, pitch: usize): void {
  for (const end = from + 32; from < end; from += 16, to += 16) {
    let p = from;
    const x0 = v128.load(p);
    p += step;
    const x1 = v128.load(p);
    p += step;
    const x2 = v128.load(p);
    p += step;
    const x3 = v128.load(p);
    p += step;
    const x4 = v128.load(p);
    p += step;
    const x5 = v128.load(p);
    const sumA = mul(c(9), add(x1, x2));
    const difA = mul(c(9), sub(x1, x2));
    const sumB = mul(c(10), add(x3, x4));
    const difB = mul(c(10), sub(x3, x4));
    v128.store(to, add(mul(c(8), x0), add(sumA, sumB)));
    v128.store(to + pitch, add(mul(c(2), difA), mul(c(3), difB)));
    v128.store(to + pitch * 2, add(add(mul(c(4), sumA), mul(c(5), sumB)), x5));
  }
}
