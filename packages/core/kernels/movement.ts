import { loadSome, storeSome } from './lanes';

/** n words of one value. */
export function fill(a: usize): void {
  let out = load<usize>(a);
  let n = load<i32>(a, 4);
  const value = v128.load32_splat(a, 8);
  for (; n >= 4; n -= 4) {
    v128.store(out, value);
    out += 16;
  }
  for (; n > 0; n--) {
    v128.store_lane<u32>(out, value, 0);
    out += 4;
  }
}

/** Words that the instruction itself carries. */
export function literal(a: usize): void {
  memory.copy(load<usize>(a), a + 8, <usize>load<i32>(a, 4) << 2);
}

/** Six dimensions with strides on both sides, merged where they can be by who writes the tape; dimension 0 is the outermost. */
export function stridedCopy(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const d = a + 8;
  const xs = a + 32;
  const os = a + 56;
  for (let i0 = 0; i0 < load<i32>(d); i0++) {
    for (let i1 = 0; i1 < load<i32>(d, 4); i1++) {
      for (let i2 = 0; i2 < load<i32>(d, 8); i2++) {
        let p = x + ((<usize>i0 * load<usize>(xs) + <usize>i1 * load<usize>(xs, 4) + <usize>i2 * load<usize>(xs, 8)) << 2);
        let q = out + ((<usize>i0 * load<usize>(os) + <usize>i1 * load<usize>(os, 4) + <usize>i2 * load<usize>(os, 8)) << 2);
        const pNext = load<usize>(xs, 12) << 2;
        const qNext = load<usize>(os, 12) << 2;
        for (let i3 = load<i32>(d, 12); i3 > 0; i3--) {
          plane(
            q, p, load<i32>(d, 16), load<i32>(d, 20),
            load<usize>(xs, 16) << 2, load<usize>(xs, 20) << 2, load<usize>(os, 16) << 2, load<usize>(os, 20) << 2,
          );
          p += pNext;
          q += qNext;
        }
      }
    }
  }
}

function plane(q: usize, p: usize, rows: i32, columns: i32, pRow: usize, pColumn: usize, qRow: usize, qColumn: usize): void {
  if (pColumn == 4 && qColumn == 4) {
    for (; rows > 0; rows--) {
      copyRow(q, p, columns);
      p += pRow;
      q += qRow;
    }
  } else if (pRow == 4 && qColumn == 4) {
    transpose(q, p, rows, columns, pColumn, qRow);
  } else if (pColumn == 4 && qRow == 4) {
    transpose(q, p, columns, rows, pRow, qColumn);
  } else {
    for (; rows > 0; rows--) {
      let s = p;
      let t = q;
      for (let j = columns; j > 0; j--) {
        store<u32>(t, load<u32>(s));
        s += pColumn;
        t += qColumn;
      }
      p += pRow;
      q += qRow;
    }
  }
}

// @ts-ignore: decorator
@inline
function copyRow(q: usize, p: usize, n: i32): void {
  for (; n >= 8; n -= 8) {
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    v128.store(q, x0);
    v128.store(q, x1, 16);
    p += 32;
    q += 32;
  }
  for (; n > 0; n--) {
    store<u32>(q, load<u32>(p));
    p += 4;
    q += 4;
  }
}

/** q[i][j] = p[j][i] in blocks of 4 x 4; i runs over `rows`, contiguous in p. */
function transpose(q: usize, p: usize, rows: i32, columns: i32, pColumn: usize, qRow: usize): void {
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    let j = 0;
    for (; j + 4 <= columns; j += 4) {
      const s = p + (<usize>i << 2) + <usize>j * pColumn;
      const t = q + <usize>i * qRow + (<usize>j << 2);
      const r0 = v128.load(s);
      const r1 = v128.load(s + pColumn);
      const r2 = v128.load(s + 2 * pColumn);
      const r3 = v128.load(s + 3 * pColumn);
      const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      v128.store(t, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
      v128.store(t + qRow, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
      v128.store(t + 2 * qRow, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
      v128.store(t + 3 * qRow, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
    }
    for (; j < columns; j++) {
      for (let k = i; k < i + 4; k++) copyOne(q, p, k, j, pColumn, qRow);
    }
  }
  for (; i < rows; i++) for (let j = 0; j < columns; j++) copyOne(q, p, i, j, pColumn, qRow);
}

// @ts-ignore: decorator
@inline
function copyOne(q: usize, p: usize, i: i32, j: i32, pColumn: usize, qRow: usize): void {
  store<u32>(q + <usize>i * qRow + (<usize>j << 2), load<u32>(p + (<usize>i << 2) + <usize>j * pColumn));
}

/** Eight bytes as two vectors of i32, or of f32. */
// @ts-ignore: decorator
@inline
function castBytes(a: usize, floats: bool): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  let n = load<i32>(a, 8);
  for (; n >= 8; n -= 8) {
    const wide = v128.load8x8_u(x);
    const low = i32x4.extend_low_i16x8_u(wide);
    const high = i32x4.extend_high_i16x8_u(wide);
    v128.store(out, floats ? f32x4.convert_i32x4_s(low) : low);
    v128.store(out, floats ? f32x4.convert_i32x4_s(high) : high, 16);
    x += 8;
    out += 32;
  }
  for (; n > 0; n--) {
    if (floats) store<f32>(out, <f32>load<u8>(x));
    else store<i32>(out, load<u8>(x));
    x++;
    out += 4;
  }
}

export function castU8F32(a: usize): void {
  castBytes(a, true);
}

export function castU8I32(a: usize): void {
  castBytes(a, false);
}

// @ts-ignore: decorator
@inline
function castWords(a: usize, floats: bool): void {
  let out = load<usize>(a);
  let x = load<usize>(a, 4);
  for (let n = load<i32>(a, 8); n > 0; n -= 4) {
    const left = min(n, 4);
    const v = loadSome(x, left);
    storeSome(out, floats ? f32x4.convert_i32x4_s(v) : i32x4.trunc_sat_f32x4_s(v), left);
    x += 16;
    out += 16;
  }
}

export function castI32F32(a: usize): void {
  castWords(a, true);
}

/** Toward zero; NaN gives 0, values out of range the nearest i32. */
export function castF32I32(a: usize): void {
  castWords(a, false);
}
