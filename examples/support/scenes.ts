import type { DataSource } from '@lockstep/core';
import { random } from '@lockstep/core';

/** Generated scenes: up to four discs, squares and triangles on a noisy ground, one in each quarter of the image at most. */

export const kinds = ['disc', 'square', 'triangle'] as const;

export interface SceneOptions {
  readonly split: 'train' | 'test';
  readonly length: number;
  /** Pixels of a side. */
  readonly size: number;
}

interface Thing {
  /** Index into `kinds`. */
  readonly kind: number;
  readonly x: number;
  readonly y: number;
  /** Half of its width and height, in pixels. */
  readonly radius: number;
  readonly level: number;
}

interface Scene {
  readonly image: Float32Array;
  /** 0 for the ground, 1 + kind for a thing. */
  readonly mask: Int32Array;
  readonly things: readonly Thing[];
}

function covers({ kind, x, y, radius }: Thing, px: number, py: number): boolean {
  const [dx, dy] = [px + 0.5 - x, py + 0.5 - y];
  if (kind === 0) return dx * dx + dy * dy <= radius * radius;
  if (Math.abs(dx) > radius || Math.abs(dy) > radius) return false;
  // a triangle stands on its base: as wide as it is far from the tip
  return kind === 1 || Math.abs(dx) * 2 <= dy + radius;
}

/** Scene `index` of a split: a function of nothing else. */
function drawScene({ split, size }: SceneOptions, index: number): Scene {
  const numbers = random.generator((split === 'train' ? 0 : 2 ** 20) + index);
  const between = (low: number, high: number) => low + (high - low) * numbers.uniform();
  const things: Thing[] = [];
  for (let quarter = 0; quarter < 4; quarter++) {
    if (numbers.uniform() < 0.4) continue;
    const centre = (half: number) => (half * 0.5 + between(0.18, 0.32)) * size;
    things.push({
      kind: Math.floor(between(0, kinds.length)),
      x: centre(quarter % 2),
      y: centre(quarter >> 1),
      radius: between(0.11, 0.19) * size,
      level: between(0.55, 1),
    });
  }
  const ground = between(0, 0.35);
  const image = new Float32Array(size * size);
  const mask = new Int32Array(size * size);
  for (let i = 0; i < image.length; i++) {
    const thing = things.find((t) => covers(t, i % size, Math.floor(i / size)));
    mask[i] = thing ? 1 + thing.kind : 0;
    image[i] = (thing?.level ?? ground) + 0.08 * numbers.normal();
  }
  return { image, mask, things };
}

/** `{ image: f32 [1, size, size], mask: i32 [size, size] }`. */
export function maskedScenes(options: SceneOptions): DataSource<{ image: Float32Array; mask: Int32Array }> {
  const { size, length } = options;
  return {
    length,
    shapes: { image: [1, size, size], mask: [size, size] },
    sample: (i) => {
      const { image, mask } = drawScene(options, i);
      return { image, mask };
    },
  };
}

export interface GridSample extends Record<string, Float32Array | Int32Array> {
  readonly image: Float32Array;
  readonly present: Float32Array;
  readonly box: Float32Array;
  readonly kind: Int32Array;
}

/**
 * Scenes under a grid of `grid` x `grid` cells: `{ image: f32 [1, size, size], present: f32 [grid, grid], box: f32 [grid, grid, 4], kind: i32
 * [grid, grid] }`. A thing belongs to the cell of its centre; its box is the centre's place in the cell, and width and height in images.
 */
export function griddedScenes(options: SceneOptions & { grid: number }): DataSource<GridSample> {
  const { size, length, grid } = options;
  return {
    length,
    shapes: { image: [1, size, size], present: [grid, grid], box: [grid, grid, 4], kind: [grid, grid] },
    sample: (i) => {
      const { image, things } = drawScene(options, i);
      const [present, box] = [new Float32Array(grid * grid), new Float32Array(grid * grid * 4)];
      const kind = new Int32Array(grid * grid);
      for (const thing of things) {
        const [x, y] = [(thing.x / size) * grid, (thing.y / size) * grid];
        const cell = Math.floor(y) * grid + Math.floor(x);
        const side = (2 * thing.radius) / size;
        present[cell] = 1;
        kind[cell] = thing.kind;
        box.set([x - Math.floor(x), y - Math.floor(y), side, side], cell * 4);
      }
      return { image, present, box, kind };
    },
  };
}
