import { count } from './check.ts';
import type { ConvSizes } from './conv-geometry.ts';

// Bytes of scratch that the kernels of a convolution lay out: tables, packed operands, and one padded image.

const line = 64;
const bytes = (words: number): number => Math.ceil((words * 4) / line) * line;
const planes = (number: number, rows: number, columns: number): number => number * (bytes(rows * columns) + line);
const panels = (lanes: number): number => Math.ceil(lanes / 16);
/** Rows of 16 outputs; the last tile of 4 may reach beyond. */
const sheet = (positions: number): number => (positions + 3) * line;
const reached = (s: ConvSizes, i: 0 | 1): number =>
  (s.out[i] - 1) * s.stride[i] + (s.kernel[i] - 1) * s.dilation[i] + 1;

export function forwardScratch(s: ConvSizes): number {
  const k = s.channels * count(s.kernel);
  return (
    256 +
    bytes(k) +
    bytes(count(s.out)) +
    k * panels(s.filters) * line +
    sheet(Math.min(512, count(s.out))) +
    planes(s.channels, reached(s, 0), reached(s, 1))
  );
}

export function inputScratch(s: ConvSizes): number {
  const k = s.filters * count(s.kernel);
  const extent = (i: 0 | 1) =>
    Math.floor((s.size[i] - 1 + s.before[i]) / s.stride[i]) +
    1 +
    Math.floor(((s.kernel[i] - 1) * s.dilation[i]) / s.stride[i]);
  return (
    256 +
    bytes(2 * count(s.stride)) +
    2 * (bytes(k) + bytes(count(s.size) + 3 * count(s.stride))) +
    k * panels(s.channels) * line +
    sheet(count(s.size)) +
    planes(s.filters, extent(0), extent(1))
  );
}

export function weightScratch(s: ConvSizes, segments: number): number {
  const k = s.channels * count(s.kernel);
  const positions = count(s.out);
  const tiles = s.groups * panels(s.filters) * Math.ceil(k / 4) * 256;
  const stack = bytes(s.groups * s.filters * k) * (Math.ceil(Math.log2(segments)) + 1);
  const image = planes(s.channels, reached(s, 0), reached(s, 1));
  return bytes(k) + bytes(positions) + positions * panels(s.filters) * line + tiles + image + stack;
}

/** Groups of one channel have kernels of their own. */
export const isDepthwise = (s: ConvSizes): boolean => s.channels === 1 && s.groups > 1;

/** A padded plane, whole and cut into as many planes as the stride. */
const cutPlanes = (s: ConvSizes): number => {
  const [rows, columns] = [reached(s, 0), reached(s, 1)];
  return bytes(rows * (columns + s.stride[1]) + 16) + planes(1, rows, columns);
};

export const depthwiseForwardScratch = (s: ConvSizes): number => 128 + bytes(count(s.kernel)) + cutPlanes(s);

export function depthwiseInputScratch(s: ConvSizes): number {
  const extent = (i: 0 | 1) => s.size[i] + (s.kernel[i] - 1) * s.dilation[i];
  return 128 + bytes(s.filters * count(s.kernel)) + planes(s.filters, extent(0), extent(1)) + line;
}

export function depthwiseWeightScratch(s: ConvSizes, segments: number): number {
  const taps = count(s.kernel);
  const all = s.groups * s.filters;
  const blocks = s.out[0] * Math.ceil(s.out[1] / 8);
  const tiles = all * Math.ceil(taps / 4) * 128;
  const stack = bytes(all * taps) * (Math.ceil(Math.log2(segments)) + 2);
  return bytes(taps + 3) + bytes(blocks) + blocks * 32 + tiles + stack + cutPlanes(s);
}
