import { gateTanh4, isOver, sigmoidGate, sigmoidSlope, tanhSlope } from './gates';
import { loadLanes, loadSome, storeLanes, storeSome } from './lanes';
import { c } from './vector-math';

/** n = tanh(p_n + r z_n), h = n + u (h - n) (Cho et al. 2014, in cuDNN's form). State: h, r, u, n, z_n. */
export function gruCell(a: usize): void {
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
      memory.fill(state, 0, row * 5);
    } else {
      const gates = state + row;
      sigmoidGate(gates, z, p, hidden << 1);
      memory.copy(gates + row * 3, z + row * 2, row);
      candidate(gates + row * 2, p + row * 2, gates, z + row * 2, hidden);
      blend(h, gates + row * 2, gates + row, hidden);
      memory.copy(state, h, row);
    }
    z += row * 3;
    p += pitch;
    state += statePitch;
    h += row;
  }
}

/** out = tanh(p + r z) */
function candidate(out: usize, p: usize, r: usize, z: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const y0 = gateTanh4(f32x4.add(v128.load(p), f32x4.mul(v128.load(r), v128.load(z))));
    const y1 = gateTanh4(f32x4.add(v128.load(p, 16), f32x4.mul(v128.load(r, 16), v128.load(z, 16))));
    v128.store(out, y0);
    v128.store(out, y1, 16);
    out += 32;
    p += 32;
    r += 32;
    z += 32;
  }
  for (; n >= 4; n -= 4) {
    v128.store(out, gateTanh4(f32x4.add(v128.load(p), f32x4.mul(v128.load(r), v128.load(z)))));
    out += 16;
    p += 16;
    r += 16;
    z += 16;
  }
  if (n > 0) storeLanes(out, gateTanh4(f32x4.add(loadLanes(p, n), f32x4.mul(loadLanes(r, n), loadLanes(z, n)))), n);
}

/** h = x + u (h - x) */
function blend(h: usize, x: usize, u: usize, n: i32): void {
  for (; n >= 4; n -= 4) {
    const x0 = v128.load(x);
    v128.store(h, f32x4.add(x0, f32x4.mul(v128.load(u), f32x4.sub(v128.load(h), x0))));
    h += 16;
    x += 16;
    u += 16;
  }
  if (n > 0) {
    const x0 = loadLanes(x, n);
    storeLanes(h, f32x4.add(x0, f32x4.mul(loadLanes(u, n), f32x4.sub(loadLanes(h, n), x0))), n);
  }
}

/** dz: r, u, z_n and then n (what the recurrent product and what the input brought differ in the last). dh = g u. */
export function gruCellGrad(a: usize): void {
  const rows = load<i32>(a);
  const hidden = load<i32>(a, 4);
  const row = <usize>hidden << 2;
  let state = load<usize>(a, 8);
  const statePitch = load<usize>(a, 12) << 2;
  let dy = load<usize>(a, 16);
  const dyPitch = load<usize>(a, 20) << 2;
  let dh = load<usize>(a, 24);
  let before = load<usize>(a, 32);
  const beforePitch = load<usize>(a, 36) << 2;
  let dz = load<usize>(a, 40);
  const dzPitch = load<usize>(a, 44) << 2;
  const lengths = load<usize>(a, 48);
  const t = load<i32>(a, 52);
  for (let i = 0; i < rows; i++) {
    if (isOver(lengths, i, t)) memory.fill(dz, 0, row << 2);
    else gruRow(dz, state + row, dh, dy, before, row, hidden);
    state += statePitch;
    dy += dyPitch;
    dh += row;
    before += beforePitch;
    dz += dzPitch;
  }
}

function gruRow(dz: usize, gates: usize, dh: usize, dy: usize, before: usize, row: usize, n: i32): void {
  for (; n > 0; n -= 4) {
    const some = min(n, 4);
    const g = f32x4.add(loadSome(dh, some), loadSome(dy, some));
    const r = loadSome(gates, some);
    const u = loadSome(gates + row, some);
    const x = loadSome(gates + row * 2, some);
    const z = loadSome(gates + row * 3, some);
    const dn = tanhSlope(x, f32x4.mul(g, f32x4.sub(c(12), u)));
    storeSome(dz, sigmoidSlope(r, f32x4.mul(dn, z)), some);
    storeSome(dz + row, sigmoidSlope(u, f32x4.mul(g, f32x4.sub(loadSome(before, some), x))), some);
    storeSome(dz + row * 2, f32x4.mul(dn, r), some);
    storeSome(dz + row * 3, dn, some);
    storeSome(dh, f32x4.mul(g, u), some);
    dz += 16;
    gates += 16;
    dh += 16;
    dy += 16;
    before += 16;
  }
}
