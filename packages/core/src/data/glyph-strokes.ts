import { cos, sin } from '../math/index.ts';

/** Points one after the other, x0 y0 x1 y1 ..., joined by straight lines. */
export type Stroke = readonly number[];

/** Degrees of an arc that one straight line stands for. */
const degreesPerLine = 22.5;

/** Part of an ellipse; angles in degrees from the right, clockwise as y points down. */
function arc(x: number, y: number, radiusX: number, radiusY: number, from: number, to: number): number[] {
  const lines = Math.ceil(Math.abs(to - from) / degreesPerLine);
  return Array.from({ length: lines + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / lines) * Math.PI) / 180;
    return [x + radiusX * cos(angle), y + radiusY * sin(angle)];
  }).flat();
}

/**
 * The ways to write each digit, a list of strokes each, as a pen draws them: half a digit is 1 high and about 0.6 wide, its centre is
 * (0, 0) and y points down.
 */
export const digitStrokes: readonly (readonly (readonly Stroke[])[])[] = [
  [[arc(0, 0, 0.6, 1, 0, 360)], [arc(0, 0, 0.62, 0.95, -75, 270)]],
  [
    [[0, -1, 0, 1]],
    [[-0.38, -0.6, 0.05, -1, 0.05, 1]],
    [
      [-0.35, -0.65, 0.05, -1, 0.05, 1],
      [-0.4, 1, 0.45, 1],
    ],
  ],
  [
    [[...arc(0, -0.45, 0.55, 0.55, -170, 30), -0.55, 1, 0.6, 1]],
    [[...arc(0, -0.45, 0.55, 0.55, -160, 40), ...arc(-0.33, 0.78, 0.22, 0.2, 60, 325), 0.6, 1]],
  ],
  [
    [[...arc(-0.05, -0.5, 0.52, 0.5, -155, 90), ...arc(-0.05, 0.5, 0.6, 0.5, -90, 155)]],
    [[-0.5, -1, 0.5, -1, -0.05, -0.13, ...arc(-0.05, 0.42, 0.58, 0.55, -90, 150)]],
  ],
  [
    [
      [-0.3, -1, -0.55, 0.2, 0.6, 0.2],
      [0.3, -0.5, 0.25, 1],
    ],
    [[0.3, 1, 0.3, -1, -0.6, 0.35, 0.65, 0.35]],
  ],
  [
    [[0.52, -1, -0.4, -1, -0.5, -0.1, ...arc(-0.05, 0.35, 0.6, 0.62, -130, 145)]],
    [
      [-0.4, -0.95, -0.45, -0.2, ...arc(-0.05, 0.38, 0.58, 0.6, -115, 150)],
      [-0.4, -0.95, 0.55, -1],
    ],
  ],
  [
    [[...arc(0.5, 0.4, 1.05, 1.4, -105, -180), ...arc(0, 0.45, 0.55, 0.55, 180, -180)]],
    [[0.25, -1, -0.3, -0.15, ...arc(0, 0.45, 0.5, 0.53, 200, -160)]],
  ],
  [
    [[-0.55, -1, 0.55, -1, -0.15, 1]],
    [
      [-0.55, -1, 0.55, -1, -0.1, 1],
      [-0.3, 0, 0.45, 0],
    ],
    [[-0.55, -0.7, -0.5, -1, 0.55, -1, 0.1, 0.1, 0, 1]],
  ],
  [
    [arc(0, -0.5, 0.45, 0.48, 90, 450), arc(0, 0.5, 0.58, 0.52, -90, 270)],
    [[...arc(0, -0.52, 0.47, 0.45, -30, -250), ...arc(0, 0.48, 0.55, 0.5, -60, 240), 0.4, -0.75]],
  ],
  [
    [[...arc(0, -0.45, 0.52, 0.55, 0, -360), 0.4, 1]],
    [[...arc(0, -0.45, 0.52, 0.52, -20, -360), ...arc(-0.48, -0.45, 1, 1.45, 0, 80)]],
  ],
];
