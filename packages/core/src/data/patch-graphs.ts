import { DataError, UsageError } from '../errors.ts';
import { type GraphSample, packGraph } from './graphs.ts';
import type { ImageSample } from './image-sample.ts';
import type { DataSource } from './source.ts';

export interface PatchGraphsOptions {
  /** Pixels of a patch's side, a divisor of the image's; default 4. */
  readonly patch?: number;
  /** Patches whose brightest pixel is below are left out; default 0.35. */
  readonly threshold?: number;
}

/**
 * Images as graphs of patches: a node is a patch with something on it, its features the pixels and the place of its centre (each in 0..1), and patches that
 * touch, also at corners, are neighbours. Fields as in `graphs`: x `[patches, patch * patch + 2]`, label i32 `[]`.
 *
 * @throws UsageError if the images are not of one channel or cannot be cut into such patches
 */
export function patchGraphs(
  images: DataSource<ImageSample>,
  { patch = 4, threshold = 0.35 }: PatchGraphsOptions = {},
): DataSource<GraphSample> {
  const [channels, height = 0, width = 0] = images.shapes?.image ?? [];
  if (channels !== 1 || !Number.isSafeInteger(patch) || patch < 1 || height % patch > 0 || width % patch > 0) {
    throw new UsageError(
      `data.patchGraphs: images [${channels}, ${height}, ${width}] cannot be cut into patches of ${patch}; use one channel and a divisor of both sides.`,
    );
  }
  const [rows, columns] = [height / patch, width / patch];
  const room = { nodes: rows * columns, edges: 2 * (4 * rows * columns - 3 * (rows + columns) + 2) };
  const features = patch * patch + 2;

  const toGraph = ({ image, label }: ImageSample, index: number): GraphSample => {
    if (image.length !== height * width)
      throw new DataError(`data.patchGraphs: image ${index} has ${image.length} pixels, not ${height * width}.`);
    const places = new Map<number, number>();
    const values: number[] = [];
    for (let place = 0; place < rows * columns; place++) {
      const [row, column] = [Math.floor(place / columns), place % columns];
      const pixels = Array.from({ length: patch * patch }, (_, p) => {
        const [y, x] = [row * patch + Math.floor(p / patch), column * patch + (p % patch)];
        return image[y * width + x] as number;
      });
      if (Math.max(...pixels) < threshold) continue;
      places.set(place, places.size);
      values.push(...pixels, (row + 0.5) / rows, (column + 0.5) / columns);
    }
    const edges = [...places].flatMap(([place, node]) => {
      const column = place % columns;
      // Right, and the three below.
      const next = [
        [1, 1],
        [columns - 1, -1],
        [columns, 0],
        [columns + 1, 1],
      ] as const;
      return next.flatMap(([step, aside]) => {
        const other = column + aside >= 0 && column + aside < columns ? places.get(place + step) : undefined;
        return other === undefined ? [] : [[node, other] as const];
      });
    });
    const graph = { nodes: places.size, edges, features: values, label: label[0] as number };
    return packGraph(graph, room, features, `data.patchGraphs: image ${index}`);
  };

  const { digest } = images;
  return {
    length: images.length,
    shapes: { x: [room.nodes, features], nodes: [], label: [] },
    ...(digest && { digest: `${digest} in patches of ${patch} from ${threshold}` }),
    sample: (i) => {
      const sample = images.sample(i);
      return sample instanceof Promise ? sample.then((image) => toGraph(image, i)) : toGraph(sample, i);
    },
  };
}
