/** What the optimizers share. */

/** The mean gradient, clipped by value; exactly `g * scale` where the limit is infinite. */
// @ts-ignore: decorator
@inline
export function meanGradient(g: v128, scale: v128, limit: v128, below: v128): v128 {
  return f32x4.pmax(f32x4.pmin(f32x4.mul(g, scale), limit), below);
}

/** An exponential mean: `rate` of what it was and `fresh` (1 - rate) of x. */
// @ts-ignore: decorator
@inline
export function moved(before: v128, x: v128, rate: v128, fresh: v128): v128 {
  return f32x4.add(f32x4.mul(rate, before), f32x4.mul(fresh, x));
}
