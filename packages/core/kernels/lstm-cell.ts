import { gateTanh4, isOver, sigmoidGate, sigmoidSlope, tanhGate, tanhSlope } from './gates';
import { loadLanes, loadSome, storeLanes, storeSome } from './lanes';

/** c = f c + i g, h = o tanh(c) (Hochreiter and Schmidhuber 1997, with forget gate). State: h, c, i, f, g, o. */
export function lstmCell(a: usize): void {
  const rows = load<i32>(a);
  const hidden = load<i32>(a, 4);
  const row = <usize>hidden << 2;
  let z = load<usize>(a, 8);
  let p = load<usize>(a, 12);
  const pitch = load<usize>(a, 16) << 2;
  let state = load<usize>(a, 20);
  const statePitch = load<usize>(a, 24) << 2;
  let h = load<usize>(a, 28);
  let cell = load<usize>(a, 32);
  const lengths = load<usize>(a, 36);
  const t = load<i32>(a, 40);
  for (let i = 0; i < rows; i++) {
    if (isOver(lengths, i, t)) {
      memory.fill(state, 0, row * 6);
      memory.copy(state + row, cell, row);
    } else {
      const gates = state + row * 2;
      sigmoidGate(gates, z, p, hidden << 1);
      tanhGate(gates + row * 2, z + row * 2, p + row * 2, hidden);
      sigmoidGate(gates + row * 3, z + row * 3, p + row * 3, hidden);
      nextCell(cell, gates, row, hidden);
      shownCell(h, cell, gates + row * 3, hidden);
      memory.copy(state, h, row);
      memory.copy(state + row, cell, row);
    }
    z += row << 2;
    p += pitch;
    state += statePitch;
    h += row;
    cell += row;
  }
}

// @ts-ignore: decorator
@inline
function mix(f: v128, cell: v128, i: v128, g: v128): v128 {
  return f32x4.add(f32x4.mul(f, cell), f32x4.mul(i, g));
}

/** cell = f cell + i g, with i, f, g one after the other from `gates` on, `row` bytes apart. */
function nextCell(cell: usize, gates: usize, row: usize, n: i32): void {
  let i = gates;
  let f = gates + row;
  let g = f + row;
  for (; n >= 8; n -= 8) {
    const y0 = mix(v128.load(f), v128.load(cell), v128.load(i), v128.load(g));
    const y1 = mix(v128.load(f, 16), v128.load(cell, 16), v128.load(i, 16), v128.load(g, 16));
    v128.store(cell, y0);
    v128.store(cell, y1, 16);
    cell += 32;
    i += 32;
    f += 32;
    g += 32;
  }
  for (; n >= 4; n -= 4) {
    v128.store(cell, mix(v128.load(f), v128.load(cell), v128.load(i), v128.load(g)));
    cell += 16;
    i += 16;
    f += 16;
    g += 16;
  }
  if (n > 0) storeLanes(cell, mix(loadLanes(f, n), loadLanes(cell, n), loadLanes(i, n), loadLanes(g, n)), n);
}

/** h = o tanh(cell) */
function shownCell(h: usize, cell: usize, o: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const y0 = f32x4.mul(v128.load(o), gateTanh4(v128.load(cell)));
    const y1 = f32x4.mul(v128.load(o, 16), gateTanh4(v128.load(cell, 16)));
    v128.store(h, y0);
    v128.store(h, y1, 16);
    h += 32;
    cell += 32;
    o += 32;
  }
  for (; n >= 4; n -= 4) {
    v128.store(h, f32x4.mul(v128.load(o), gateTanh4(v128.load(cell))));
    h += 16;
    cell += 16;
    o += 16;
  }
  if (n > 0) storeLanes(h, f32x4.mul(loadLanes(o, n), gateTanh4(loadLanes(cell, n))), n);
}

export function lstmCellGrad(a: usize): void {
  const rows = load<i32>(a);
  const hidden = load<i32>(a, 4);
  const row = <usize>hidden << 2;
  let state = load<usize>(a, 8);
  const statePitch = load<usize>(a, 12) << 2;
  let dy = load<usize>(a, 16);
  const dyPitch = load<usize>(a, 20) << 2;
  let dh = load<usize>(a, 24);
  let dc = load<usize>(a, 28);
  let before = load<usize>(a, 32);
  const beforePitch = load<usize>(a, 36) << 2;
  let dz = load<usize>(a, 40);
  const dzPitch = load<usize>(a, 44) << 2;
  const lengths = load<usize>(a, 48);
  const t = load<i32>(a, 52);
  const clear = load<i32>(a, 56) != 0;
  for (let i = 0; i < rows; i++) {
    if (isOver(lengths, i, t)) {
      memory.fill(dz, 0, row << 2);
    } else {
      const gates = state + row * 2;
      outputGate(dz + row * 3, dc, state + row, gates + row * 3, dh, dy, hidden);
      inputGates(dz, dc, gates, before, row, hidden);
      if (clear) memory.fill(dh, 0, row);
    }
    state += statePitch;
    dy += dyPitch;
    dh += row;
    dc += row;
    before += beforePitch;
    dz += dzPitch;
  }
}

/** With g = dh + dy: do = g tanh(c) o (1 - o), and dc += g o (1 - tanh(c)^2). */
function outputGate(dzo: usize, dc: usize, cell: usize, o: usize, dh: usize, dy: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const g0 = f32x4.add(v128.load(dh), v128.load(dy));
    const g1 = f32x4.add(v128.load(dh, 16), v128.load(dy, 16));
    const o0 = v128.load(o);
    const o1 = v128.load(o, 16);
    const t0 = gateTanh4(v128.load(cell));
    const t1 = gateTanh4(v128.load(cell, 16));
    const c0 = v128.load(dc);
    const c1 = v128.load(dc, 16);
    const y0 = sigmoidSlope(o0, f32x4.mul(g0, t0));
    const y1 = sigmoidSlope(o1, f32x4.mul(g1, t1));
    const d0 = f32x4.add(c0, tanhSlope(t0, f32x4.mul(g0, o0)));
    const d1 = f32x4.add(c1, tanhSlope(t1, f32x4.mul(g1, o1)));
    v128.store(dzo, y0);
    v128.store(dzo, y1, 16);
    v128.store(dc, d0);
    v128.store(dc, d1, 16);
    dzo += 32;
    dc += 32;
    cell += 32;
    o += 32;
    dh += 32;
    dy += 32;
  }
  for (; n > 0; n -= 4) {
    const some = min(n, 4);
    const g = f32x4.add(loadSome(dh, some), loadSome(dy, some));
    const s = loadSome(o, some);
    const t = gateTanh4(loadSome(cell, some));
    const d = f32x4.add(loadSome(dc, some), tanhSlope(t, f32x4.mul(g, s)));
    storeSome(dzo, sigmoidSlope(s, f32x4.mul(g, t)), some);
    storeSome(dc, d, some);
    dzo += 16;
    dc += 16;
    cell += 16;
    o += 16;
    dh += 16;
    dy += 16;
  }
}

/** di = dc g i (1 - i), df = dc c_before f (1 - f), dg = dc i (1 - g^2), then dc = dc f. */
function inputGates(dz: usize, dc: usize, gates: usize, before: usize, row: usize, n: i32): void {
  let pi = gates;
  let pf = gates + row;
  let pg = pf + row;
  let qi = dz;
  let qf = dz + row;
  let qg = qf + row;
  for (; n >= 8; n -= 8) {
    const d0 = v128.load(dc);
    const d1 = v128.load(dc, 16);
    const i0 = v128.load(pi);
    const i1 = v128.load(pi, 16);
    const f0 = v128.load(pf);
    const f1 = v128.load(pf, 16);
    const g0 = v128.load(pg);
    const g1 = v128.load(pg, 16);
    const b0 = v128.load(before);
    const b1 = v128.load(before, 16);
    const x0 = sigmoidSlope(i0, f32x4.mul(d0, g0));
    const x1 = sigmoidSlope(i1, f32x4.mul(d1, g1));
    const y0 = sigmoidSlope(f0, f32x4.mul(d0, b0));
    const y1 = sigmoidSlope(f1, f32x4.mul(d1, b1));
    const z0 = tanhSlope(g0, f32x4.mul(d0, i0));
    const z1 = tanhSlope(g1, f32x4.mul(d1, i1));
    const e0 = f32x4.mul(d0, f0);
    const e1 = f32x4.mul(d1, f1);
    v128.store(qi, x0);
    v128.store(qi, x1, 16);
    v128.store(qf, y0);
    v128.store(qf, y1, 16);
    v128.store(qg, z0);
    v128.store(qg, z1, 16);
    v128.store(dc, e0);
    v128.store(dc, e1, 16);
    pi += 32;
    pf += 32;
    pg += 32;
    qi += 32;
    qf += 32;
    qg += 32;
    dc += 32;
    before += 32;
  }
  for (; n > 0; n -= 4) {
    const some = min(n, 4);
    const d = loadSome(dc, some);
    const i = loadSome(pi, some);
    const f = loadSome(pf, some);
    const g = loadSome(pg, some);
    const x = sigmoidSlope(i, f32x4.mul(d, g));
    const y = sigmoidSlope(f, f32x4.mul(d, loadSome(before, some)));
    const z = tanhSlope(g, f32x4.mul(d, i));
    storeSome(qi, x, some);
    storeSome(qf, y, some);
    storeSome(qg, z, some);
    storeSome(dc, f32x4.mul(d, f), some);
    pi += 16;
    pf += 16;
    pg += 16;
    qi += 16;
    qf += 16;
    qg += 16;
    dc += 16;
    before += 16;
  }
}
