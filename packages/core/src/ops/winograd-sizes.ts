import type { ConvSizes } from './conv-geometry.ts';

// Which convolutions go by Winograd's F(4 x 4, 3 x 3), and how much scratch its kernels need.

const line = 64;
const points = 36;
const tempBytes = points * 32;
const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;
const tilesOf = (size: number): number => Math.ceil(size / 4);

/** Fewer channels or filters, and the transforms cost more than the products that they save. */
const leastLanes = 8;
/** Tiles that hang over the edge do work for nothing: at least so many outputs of a tile's 16 must be wanted, in the mean. */
const leastWanted = 8;

const covers = ([height, width]: readonly [number, number]): boolean =>
  height * width >= leastWanted * tilesOf(height) * tilesOf(width);

/**
 * Whether a convolution and both its gradients are computed by Winograd's method. It is part of the numerics: only the shapes of an image, the
 * kernel and its constants count, never the number of samples.
 */
export const isWinograd = (s: ConvSizes): boolean =>
  s.groups === 1 &&
  s.channels >= leastLanes &&
  s.filters >= leastLanes &&
  [0, 1].every((i) => s.kernel[i] === 3 && s.stride[i] === 1 && s.dilation[i] === 1 && (s.before[i] as number) <= 2) &&
  covers(s.size) &&
  covers(s.out);

/** Bytes of what lies between the transforms of one block: about half of a second-level cache of 1 MiB. */
const blockBytes = 512 * 1024;
const mostTiles = 128;

/** Rows of tiles that are taken at a time: it changes speed and scratch only. */
function stripsOf(floatsPerTile: number, [height, width]: readonly [number, number]): number {
  const tiles = Math.min(mostTiles, blockBytes / (points * 4 * floatsPerTile));
  const [down, strips] = [tilesOf(height), Math.max(1, Math.floor(tiles / tilesOf(width)))];
  return strips > down ? strips - (strips % down) : strips;
}

const pointPitch = (bytes: number): number => roundUp(bytes, line) + line;
const image = (rows: number, columns: number, lanes: number): number => rows * columns * lanes * 4;

function convolve(inside: number, outside: number, out: readonly [number, number]) {
  const [down, across] = [tilesOf(out[0]), tilesOf(out[1])];
  const [lanes, panels] = [roundUp(inside, 8), Math.ceil(outside / 16)];
  const strips = stripsOf(lanes + panels * 16, out);
  const tiles = roundUp(strips * across, 4);
  const weights = points * panels * inside * line;
  const between = points * (pointPitch(tiles * lanes * 4) + pointPitch(tiles * panels * line));
  const rows = image(4 * Math.min(strips, down) + 2, 4 * across + 2, lanes);
  const outputs = 16 * 32 + panels * line + 8 * (across * 64 + line);
  return { strips, bytes: weights + tempBytes + outputs + rows + between };
}

/** Words and scratch of the three kernels. */
export const winogradForward = (s: ConvSizes) => convolve(s.channels, s.filters, s.out);
export const winogradInput = (s: ConvSizes) => convolve(s.filters, s.channels, s.size);

export function winogradWeight(s: ConvSizes, segments: number) {
  const [down, across] = [tilesOf(s.out[0]), tilesOf(s.out[1])];
  const [lanes, gradients] = [roundUp(s.channels, 8), roundUp(s.filters, 16)];
  const strips = stripsOf(lanes + gradients, s.out);
  const [tiles, atOnce] = [strips * across, 4 * Math.min(strips, down)];
  const between = points * (pointPitch(tiles * lanes * 4) + pointPitch(tiles * gradients * 4));
  const sums = points * roundUp(s.channels, 4) * gradients * 4;
  const stack = roundUp(s.filters * s.channels * 36, line) * (Math.ceil(Math.log2(segments)) + 1);
  const rows = image(atOnce + 2, 4 * across + 2, lanes) + image(atOnce, 4 * across, gradients);
  return { strips, bytes: tempBytes + 9 * 32 + rows + between + sums + stack };
}
