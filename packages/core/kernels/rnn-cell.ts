import { isOver, reluGate, tanhGate, tanhSlope } from './gates';
import { loadLanes, storeLanes } from './lanes';
import { c } from './vector-math';

/** h = act(z + p). State: h. */
// @ts-ignore: decorator
@inline
function rnnStep(rectify: bool, a: usize): void {
  const rows = load<i32>(a);
  const hidden = load<i32>(a, 4);
  const row = <usize>hidden << 2;
  let z = load<usize>(a, 8);
  let p = load<usize>(a, 12);
  const pitch = load<usize>(a, 16) << 2;
  let state = load<usize>(a, 20);
  const statePitch = load<usize>(a, 24) << 2;
  let h = load<usize>(a, 28);
  const lengths = load<usize>(a, 36);
  const t = load<i32>(a, 40);
  for (let i = 0; i < rows; i++) {
    if (isOver(lengths, i, t)) {
      memory.fill(state, 0, row);
    } else {
      if (rectify) reluGate(state, z, p, hidden);
      else tanhGate(state, z, p, hidden);
      memory.copy(h, state, row);
    }
    z += row;
    p += pitch;
    state += statePitch;
    h += row;
  }
}

export function rnnTanhCell(a: usize): void {
  rnnStep(false, a);
}

export function rnnReluCell(a: usize): void {
  rnnStep(true, a);
}

// @ts-ignore: decorator
@inline
function rnnSlope(rectify: bool, h: v128, g: v128): v128 {
  if (rectify) return v128.andnot(g, f32x4.le(h, c(15)));
  return tanhSlope(h, g);
}

// @ts-ignore: decorator
@inline
function rnnRow(rectify: bool, dz: usize, h: usize, dh: usize, dy: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const y0 = rnnSlope(rectify, v128.load(h), f32x4.add(v128.load(dh), v128.load(dy)));
    const y1 = rnnSlope(rectify, v128.load(h, 16), f32x4.add(v128.load(dh, 16), v128.load(dy, 16)));
    v128.store(dz, y0);
    v128.store(dz, y1, 16);
    dz += 32;
    h += 32;
    dh += 32;
    dy += 32;
  }
  for (; n >= 4; n -= 4) {
    v128.store(dz, rnnSlope(rectify, v128.load(h), f32x4.add(v128.load(dh), v128.load(dy))));
    dz += 16;
    h += 16;
    dh += 16;
    dy += 16;
  }
  if (n > 0) storeLanes(dz, rnnSlope(rectify, loadLanes(h, n), f32x4.add(loadLanes(dh, n), loadLanes(dy, n))), n);
}

// @ts-ignore: decorator
@inline
function rnnStepGrad(rectify: bool, a: usize): void {
  const rows = load<i32>(a);
  const hidden = load<i32>(a, 4);
  const row = <usize>hidden << 2;
  let state = load<usize>(a, 8);
  const statePitch = load<usize>(a, 12) << 2;
  let dy = load<usize>(a, 16);
  const dyPitch = load<usize>(a, 20) << 2;
  let dh = load<usize>(a, 24);
  let dz = load<usize>(a, 40);
  const dzPitch = load<usize>(a, 44) << 2;
  const lengths = load<usize>(a, 48);
  const t = load<i32>(a, 52);
  const clear = load<i32>(a, 56) != 0;
  for (let i = 0; i < rows; i++) {
    if (isOver(lengths, i, t)) {
      memory.fill(dz, 0, row);
    } else {
      rnnRow(rectify, dz, state, dh, dy, hidden);
      if (clear) memory.fill(dh, 0, row);
    }
    state += statePitch;
    dy += dyPitch;
    dh += row;
    dz += dzPitch;
  }
}

export function rnnTanhCellGrad(a: usize): void {
  rnnStepGrad(false, a);
}

export function rnnReluCellGrad(a: usize): void {
  rnnStepGrad(true, a);
}
