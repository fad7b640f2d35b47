/**
 * A strip of an image, channels last: `rows` rows from row `y0` on, `columns` columns from column `x0` on, zeros where they lie outside. Pixels of
 * the strip are `pitch` bytes apart, a multiple of 32; lanes beyond the channels hold anything.
 */
export function layStrip(
  dst: usize, pitch: usize, rows: i32, columns: i32, src: usize, channels: i32, height: i32, width: i32, y0: i32, x0: i32,
): void {
  const plane = <usize>(height * width) << 2;
  const rowPitch = <usize>columns * pitch;
  const first = min(max(0, -x0), columns);
  const end = max(first, min(columns, width - x0));
  for (let y = y0; y < y0 + rows; y++) {
    if (y < 0 || y >= height) memory.fill(dst, 0, rowPitch);
    else {
      if (first > 0) memory.fill(dst, 0, <usize>first * pitch);
      if (end < columns) memory.fill(dst + <usize>end * pitch, 0, <usize>(columns - end) * pitch);
      const to = dst + <usize>first * pitch;
      const from = src + (<usize>(y * width + x0 + first) << 2);
      for (let c = 0; c < channels; c += 4) {
        interleave(to + (<usize>c << 2), pitch, from + <usize>c * plane, plane, end - first, channels - c);
      }
    }
    dst += rowPitch;
  }
}

/** n pixels of four channels, `plane` bytes apart, side by side. A channel that does not exist repeats the first. */
function interleave(dst: usize, pitch: usize, src: usize, plane: usize, n: i32, lanes: i32): void {
  let p1 = lanes > 1 ? plane : 0;
  let p2 = lanes > 2 ? plane * 2 : 0;
  let p3 = lanes > 3 ? plane * 3 : 0;
  for (; n >= 4; n -= 4) {
    const r0 = v128.load(src);
    const r1 = v128.load(src + p1);
    const r2 = v128.load(src + p2);
    const r3 = v128.load(src + p3);
    const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(dst, v128.shuffle<i64>(t0, t1, 0, 2));
    dst += pitch;
    v128.store(dst, v128.shuffle<i64>(t0, t1, 1, 3));
    dst += pitch;
    v128.store(dst, v128.shuffle<i64>(t2, t3, 0, 2));
    dst += pitch;
    v128.store(dst, v128.shuffle<i64>(t2, t3, 1, 3));
    dst += pitch;
    src += 16;
  }
  for (; n > 0; n--) {
    store<u32>(dst, load<u32>(src));
    store<u32>(dst, load<u32>(src + p1), 4);
    store<u32>(dst, load<u32>(src + p2), 8);
    store<u32>(dst, load<u32>(src + p3), 12);
    dst += pitch;
    src += 4;
  }
}

/**
 * `rows` x `columns` (up to 4) outputs of 8 filters at `src` [4][4][8] to the filters' planes, of which `lanes` exist; `bias` has 8 floats. `pitch`
 * is that of a row of the output, in bytes.
 */
export function storeOutputs(
  dst: usize, plane: usize, pitch: usize, rows: i32, columns: i32, src: usize, lanes: i32, bias: usize,
): void {
  for (; lanes > 0; lanes -= 4) {
    const whole = lanes >= 4 && columns == 4;
    const b0 = v128.load32_splat(bias);
    const b1 = v128.load32_splat(bias, 4);
    const b2 = v128.load32_splat(bias, 8);
    const b3 = v128.load32_splat(bias, 12);
    let from = src;
    let to = dst;
    for (let y = 0; y < rows; y++) {
      if (whole) {
        const r0 = v128.load(from);
        const r1 = v128.load(from, 32);
        const r2 = v128.load(from, 64);
        const r3 = v128.load(from, 96);
        const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
        const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
        const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
        const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
        v128.store(to, f32x4.add(v128.shuffle<i64>(t0, t1, 0, 2), b0));
        v128.store(to + plane, f32x4.add(v128.shuffle<i64>(t0, t1, 1, 3), b1));
        v128.store(to + plane * 2, f32x4.add(v128.shuffle<i64>(t2, t3, 0, 2), b2));
        v128.store(to + plane * 3, f32x4.add(v128.shuffle<i64>(t2, t3, 1, 3), b3));
      } else {
        for (let lane: usize = 0; lane < <usize>min(4, lanes); lane++) {
          for (let x: usize = 0; x < <usize>columns; x++) {
            store<f32>(to + lane * plane + (x << 2), load<f32>(from + (x << 5) + (lane << 2)) + load<f32>(bias + (lane << 2)));
          }
        }
      }
      from += 128;
      to += pitch;
    }
    src += 16;
    bias += 16;
    dst += plane << 2;
  }
}
