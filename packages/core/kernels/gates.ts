import { loadLanes, storeLanes } from './lanes';
import { c, relu4, sigmoid4 } from './vector-math';

/**
 * What the kernels of recurrent cells share. A cell kernel does one time step for all rows, and its derivative the same backwards.
 *
 * Forward: `z` is the recurrent product, compact; what the input brings (`p`) and what the derivative needs later (`state`) have a row
 * pitch, since they hold all time steps of a row. Arguments, all cells: rows, hidden, z, p and its pitch, state and its pitch, h, c, lengths, t.
 *
 * Derivative: the gradient of the hidden state is what later steps carry back (`dh`) plus what the output brings (`dy`). Arguments, all
 * cells: rows, hidden, state and its pitch, dy and its pitch, dh, dc, what the step began with (`before`: c of an LSTM, h of a GRU) and its pitch,
 * dz and its pitch, lengths, t, and whether the recurrent product that follows is added to `dh` (then what was used up is cleared).
 *
 * A row whose length is reached keeps what it carries and writes zeros. Every pass is a loop of its own that ends in adjacent stores: V8
 * widens those, and a row stays in the first-level cache between them.
 */

// @ts-ignore: decorator
@inline
export function isOver(lengths: usize, row: i32, t: i32): bool {
  return lengths != 0 && t >= load<i32>(lengths + (<usize>row << 2));
}

/** s (1 - s) g */
// @ts-ignore: decorator
@inline
export function sigmoidSlope(s: v128, g: v128): v128 {
  return f32x4.mul(g, f32x4.mul(s, f32x4.sub(c(12), s)));
}

/** (1 - y^2) g */
// @ts-ignore: decorator
@inline
export function tanhSlope(y: v128, g: v128): v128 {
  return f32x4.mul(g, f32x4.sub(c(12), f32x4.mul(y, y)));
}

/** tanh as the quotient of two minimax polynomials (Eigen's), half as long as `tanh4`: odd of degree 13 over even of degree 6, to 5e-7. */
const quotient: usize = memory.data<f32>([
  /* 0 */ 7.90531110763549805, -7.90531110763549805,
  /* 2 above */ -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5,
  /* 7 */ 6.37261928875436e-4, 4.89352455891786e-3,
  /* 9 below */ 1.19825839466702e-6, 1.18534705686654e-4, 2.26843463243900e-3, 4.89352518554385e-3,
], 16);

// @ts-ignore: decorator
@inline
function q(i: usize): v128 {
  return v128.load32_splat(quotient + (i << 2));
}

// @ts-ignore: decorator
@inline
export function gateTanh4(v: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(v, q(0)), q(1));
  const z = f32x4.mul(x, x);
  let above = f32x4.add(f32x4.mul(q(2), z), q(3));
  above = f32x4.add(f32x4.mul(above, z), q(4));
  above = f32x4.add(f32x4.mul(above, z), q(5));
  above = f32x4.add(f32x4.mul(above, z), q(6));
  above = f32x4.add(f32x4.mul(above, z), q(7));
  above = f32x4.add(f32x4.mul(above, z), q(8));
  let below = f32x4.add(f32x4.mul(q(9), z), q(10));
  below = f32x4.add(f32x4.mul(below, z), q(11));
  below = f32x4.add(f32x4.mul(below, z), q(12));
  return f32x4.div(f32x4.mul(above, x), below);
}

// @ts-ignore: decorator
@inline
function activate(kind: i32, x: v128): v128 {
  if (kind == 0) return gateTanh4(x);
  if (kind == 1) return relu4(x);
  return sigmoid4(x);
}

/** out = activation(z + p) */
// @ts-ignore: decorator
@inline
function gate(kind: i32, out: usize, z: usize, p: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const x0 = f32x4.add(v128.load(z), v128.load(p));
    const x1 = f32x4.add(v128.load(z, 16), v128.load(p, 16));
    const y0 = activate(kind, x0);
    const y1 = activate(kind, x1);
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    z += 32;
    p += 32;
  }
  for (; n >= 4; n -= 4) {
    v128.store(out, activate(kind, f32x4.add(v128.load(z), v128.load(p))));
    out += 16;
    z += 16;
    p += 16;
  }
  if (n > 0) storeLanes(out, activate(kind, f32x4.add(loadLanes(z, n), loadLanes(p, n))), n);
}

export function sigmoidGate(out: usize, z: usize, p: usize, n: i32): void {
  gate(2, out, z, p, n);
}

export function tanhGate(out: usize, z: usize, p: usize, n: i32): void {
  gate(0, out, z, p, n);
}

export function reluGate(out: usize, z: usize, p: usize, n: i32): void {
  gate(1, out, z, p, n);
}
