import {
  channels, dilationX, dilationY, filters, groups, height, kernelHeight, kernelWidth, left, outHeight, outWidth, reachedColumns,
  reachedRows, readGeometry, samples, strideX, strideY, top, width,
} from './conv-geometry';
import { forwardTaps } from './conv';
import { fillUp, packRows, padPlanes, planePitch, roundUp } from './conv-pack';
import { gatherTile } from './conv-tiles';
import { joinSegments, place } from './tree';

/** Positions taken at a time: their gradients (16 KiB) stay in the first-level cache while all taps pass. */
const blockPositions: i32 = 256;

/**
 * The gradient by the weights: each is one sum over (sample, position) in ascending order from +0. The tiles are those of the forward
 * pass with taps and positions changing places: four taps of the image by 16 filters of the gradient. Segments apart, joined by the tree.
 */
export function conv2dGradWeight(a: usize): void {
  const out = load<usize>(a);
  const x = load<usize>(a, 4);
  const g = load<usize>(a, 8);
  const seg = load<usize>(a, 12);
  const count = load<i32>(a, 16);
  readGeometry(a + 20);
  const tapTable = load<usize>(a, 84);
  const k = channels * kernelHeight * kernelWidth;
  const positions = outHeight * outWidth;
  const panels = (filters + 15) >> 4;
  const positionTable = tapTable + roundUp(<usize>k << 2);
  const gradients = positionTable + roundUp(<usize>positions << 2);
  const tiles = gradients + (<usize>positions << 6) * <usize>panels;
  const groupTiles = (<usize>((k + 3) >> 2) << 8) * <usize>panels;
  const rows = reachedRows();
  const columns = reachedColumns();
  const copied = top + left > 0 || height * width % 512 == 0;
  const pitch = copied ? planePitch(rows, columns) : <usize>height * <usize>width << 2;
  const rowPitch = copied ? columns : width;
  const image = tiles + groupTiles * <usize>groups;
  const stack = copied ? image + <usize>channels * pitch : image;
  if (copied) memory.fill(image, 0, <usize>channels * pitch);

  forwardTaps(tapTable, pitch, rowPitch);
  fillUp(tapTable, k);
  let p = positionTable;
  for (let y = 0; y < outHeight; y++) {
    for (let c = 0; c < outWidth; c++, p += 4) store<u32>(p, (y * strideY * rowPitch + c * strideX) << 2);
  }

  const inBytes = <usize>channels * <usize>height * <usize>width << 2;
  const outBytes = <usize>filters * <usize>positions << 2;
  const size = groups * filters * k;
  let depth = 0;
  for (let s = 0; s < count; s++) {
    const entry = seg + (<usize>s << 2);
    memory.fill(tiles, 0, groupTiles * <usize>groups);
    for (let n = load<i32>(entry); n < load<i32>(entry, 4); n++) {
      for (let group = 0; group < groups; group++) {
        const at = <usize>(n * groups + group);
        const source = x + at * inBytes;
        if (copied) padPlanes(image, source, channels, height, width, rows, columns, top, left);
        packRows(gradients, g + at * outBytes, positions, filters);
        addSample(
          tiles + <usize>group * groupTiles, copied ? image : source, tapTable, k, positionTable, positions, gradients,
        );
      }
    }
    storeTiles(place(out, stack, size, depth), tiles, k);
    depth = joinSegments(out, stack, size, depth, s, s + 1 == count);
  }
}

function addSample(tiles: usize, image: usize, tapTable: usize, k: i32, positionTable: usize, positions: i32, gradients: usize): void {
  for (let f = 0; f < filters; f += 16) {
    const some = min(16, filters - f);
    for (let p = 0; p < positions; p += blockPositions) {
      const some2 = min(blockPositions, positions - p);
      let tile = tiles;
      for (let t = 0; t < k; t += 4) {
        const at = tapTable + (<usize>t << 2);
        gatherTile(
          some2, positionTable + (<usize>p << 2), image + load<u32>(at), image + load<u32>(at, 4), image + load<u32>(at, 8),
          image + load<u32>(at, 12), gradients + (<usize>p << 6), tile, tile, some,
        );
        tile += 256;
      }
    }
    tiles += <usize>((k + 3) >> 2) << 8;
    gradients += <usize>positions << 6;
  }
}

/** Tiles of 4 taps by 16 filters to weights [filter, tap]. */
function storeTiles(out: usize, tiles: usize, k: i32): void {
  for (let group = 0; group < groups; group++) {
    for (let f = 0; f < filters; f += 16) {
      const some = min(16, filters - f);
      for (let t = 0; t < k; t++) {
        let to = out + (<usize>t << 2);
        let from = tiles + (<usize>t << 6);
        for (let lane = 0; lane < some; lane++) {
          store<u32>(to, load<u32>(from));
          to += <usize>k << 2;
          from += 4;
        }
      }
      out += <usize>some * <usize>k << 2;
      tiles += <usize>((k + 3) >> 2) << 8;
    }
  }
}
