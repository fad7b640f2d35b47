import { gradientLine, imageLine, outputLine, weightGradientLine, weightLine } from './winograd-lines';

/**
 * Winograd's transforms in two dimensions: a line transform down the columns, then one along the rows, for 8 lanes (channels or filters) at a
 * time. The 36 points of a tile lie `pointPitch` bytes apart. `temp` has room for 36 x 8 floats.
 */

export const points: i32 = 36;
export const tempBytes: usize = 36 * 32;

/** The image of a tile, 6 x 6 pixels at `src` (pitches in bytes), `lanes` channels each; 8 of them go to each `step` bytes of a point. */
export function imageTile(
  src: usize, rowPitch: usize, pitch: usize, lanes: i32, dst: usize, step: usize, pointPitch: usize, temp: usize,
): void {
  const rowOfPoints = pointPitch * 6;
  for (; lanes > 0; lanes -= 8) {
    let from = src;
    let to = temp;
    for (let x = 0; x < 6; x++) {
      imageLine(from, rowPitch, to, 32);
      from += pitch;
      to += 192;
    }
    from = temp;
    to = dst;
    for (let i = 0; i < 6; i++) {
      imageLine(from, 192, to, pointPitch);
      from += 32;
      to += rowOfPoints;
    }
    src += 32;
    dst += step;
  }
}

/** The gradient of a tile's outputs, 4 x 4 pixels at `src`, as `imageTile`. */
export function gradientTile(src: usize, rowPitch: usize, pitch: usize, lanes: i32, dst: usize, pointPitch: usize, temp: usize): void {
  const rowOfPoints = pointPitch * 6;
  for (; lanes > 0; lanes -= 8) {
    let from = src;
    let to = temp;
    for (let x = 0; x < 4; x++) {
      gradientLine(from, rowPitch, to, 32);
      from += pitch;
      to += 192;
    }
    from = temp;
    to = dst;
    for (let i = 0; i < 6; i++) {
      gradientLine(from, 192, to, pointPitch);
      from += 32;
      to += rowOfPoints;
    }
    src += 32;
    dst += 32;
  }
}

/** The outputs of a tile for 8 filters: dst [4][4][8]. */
export function outputTile(src: usize, pointPitch: usize, dst: usize, temp: usize): void {
  const rowOfPoints = pointPitch * 6;
  let to = temp;
  for (let j = 0; j < 6; j++) {
    outputLine(src, rowOfPoints, to, 32);
    src += pointPitch;
    to += 128;
  }
  let from = temp;
  for (let y = 0; y < 4; y++) {
    outputLine(from, 128, dst, 32);
    from += 32;
    dst += 128;
  }
}

/** Weights [3][3][8] at `taps` to their values at the points. */
export function weightTile(taps: usize, dst: usize, pointPitch: usize, temp: usize): void {
  let to = temp;
  for (let x = 0; x < 3; x++) {
    weightLine(taps, 96, to, 32);
    taps += 32;
    to += 192;
  }
  let from = temp;
  for (let i = 0; i < 6; i++) {
    weightLine(from, 192, dst, pointPitch);
    from += 32;
    dst += pointPitch * 6;
  }
}

/** Gradients at the points to those of weights [3][3][8] at `taps`. */
export function weightGradientTile(src: usize, pointPitch: usize, taps: usize, temp: usize): void {
  let to = temp;
  for (let j = 0; j < 6; j++) {
    weightGradientLine(src, pointPitch * 6, to, 32);
    src += pointPitch;
    to += 96;
  }
  let from = temp;
  for (let y = 0; y < 3; y++) {
    weightGradientLine(from, 96, taps, 32);
    from += 32;
    taps += 96;
  }
}
