import { copyRow } from './conv-pack';
import { relu4 } from './vector-math';

/**
 * Rows of an image, channels last: `rows` rows from row `y0` on, `columns` columns from column `x0` on, zeros where they lie outside. Their pixels
 * are `pitch` bytes apart, a multiple of 32; lanes beyond the channels hold anything. Each plane is read from front to back, four at a time: row
 * by row through all planes, memory would be waited for.
 */
export function layRows(
  dst: usize, pitch: usize, rows: i32, columns: i32, src: usize, channels: i32, height: i32, width: i32, y0: i32, x0: i32,
): void {
  const plane = <usize>(height * width) << 2;
  const rowPitch = <usize>columns * pitch;
  const left = min(max(0, -x0), columns);
  const right = max(left, min(columns, width - x0));
  const top = min(max(0, -y0), rows);
  const bottom = max(top, min(rows, height - y0));
  clear(dst, <usize>top * rowPitch);
  clear(dst + <usize>bottom * rowPitch, <usize>(rows - bottom) * rowPitch);
  const inside = dst + <usize>top * rowPitch;
  const end = dst + <usize>bottom * rowPitch;
  for (let row = inside; row < end; row += rowPitch) {
    clear(row, <usize>left * pitch);
    clear(row + <usize>right * pitch, <usize>(columns - right) * pitch);
  }
  const first = src + (<usize>((y0 + top) * width + x0 + left) << 2);
  for (let c = 0; c < channels; c += 4) {
    let from = first + <usize>c * plane;
    for (let to = inside + <usize>left * pitch + (<usize>c << 2); to < end; to += rowPitch) {
      interleave(to, pitch, from, plane, right - left, channels - c);
      from += <usize>width << 2;
    }
  }
}

/** Zeros in a multiple of 32 bytes, mostly few: calling out of WebAssembly costs more than this loop. */
// @ts-ignore: decorator
@inline
function clear(dst: usize, bytes: usize): void {
  const zero = f32x4.splat(0);
  for (const end = dst + bytes; dst < end; dst += 32) {
    v128.store(dst, zero);
    v128.store(dst, zero, 16);
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
 * A tile's outputs of 8 filters, [4][4][8] at `src`, plus the filters' bias, and then a ReLU if asked for, to 8 strips of 4 rows: `plane` bytes
 * from strip to strip, `pitch` bytes from row to row.
 */
export function spreadOutputs(dst: usize, plane: usize, pitch: usize, src: usize, bias: usize, relu: bool): void {
  for (let half = 0; half < 2; half++) {
    const b0 = v128.load32_splat(bias);
    const b1 = v128.load32_splat(bias, 4);
    const b2 = v128.load32_splat(bias, 8);
    const b3 = v128.load32_splat(bias, 12);
    let from = src;
    let to = dst;
    for (let y = 0; y < 4; y++) {
      const r0 = v128.load(from);
      const r1 = v128.load(from, 32);
      const r2 = v128.load(from, 64);
      const r3 = v128.load(from, 96);
      const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
      const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
      const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
      const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
      let y0 = f32x4.add(v128.shuffle<i64>(t0, t1, 0, 2), b0);
      let y1 = f32x4.add(v128.shuffle<i64>(t0, t1, 1, 3), b1);
      let y2 = f32x4.add(v128.shuffle<i64>(t2, t3, 0, 2), b2);
      let y3 = f32x4.add(v128.shuffle<i64>(t2, t3, 1, 3), b3);
      if (relu) {
        y0 = relu4(y0);
        y1 = relu4(y1);
        y2 = relu4(y2);
        y3 = relu4(y3);
      }
      v128.store(to, y0);
      v128.store(to + plane, y1);
      v128.store(to + plane * 2, y2);
      v128.store(to + plane * 3, y3);
      from += 128;
      to += pitch;
    }
    src += 16;
    bias += 16;
    dst += plane << 2;
  }
}

/** The first `rows` rows of `width` floats of each strip, `lanes` of them, to the filters' planes. */
export function storeStrips(
  dst: usize, dstPlane: usize, width: i32, rows: i32, src: usize, plane: usize, pitch: usize, lanes: i32,
): void {
  const row = <usize>width << 2;
  const joined = row == pitch;
  for (; lanes > 0; lanes--) {
    if (joined) copyRow(dst, src, rows * width);
    else {
      let to = dst;
      let from = src;
      for (let y = 0; y < rows; y++) {
        copyRow(to, from, width);
        to += row;
        from += pitch;
      }
    }
    dst += dstPlane;
    src += plane;
  }
}
