import * as math from '../math/index.ts';
import { generator } from '../random/generator.ts';
import { arrays } from './arrays.ts';
import type { DataSource } from './source.ts';

export interface SpiralOptions {
  readonly classes?: number;
  readonly perClass?: number;
  /** Standard deviation of the points around their arm. */
  readonly noise?: number;
  readonly seed?: number;
}

/** Interleaved spiral arms in the plane: `{ x: f32 [2], label: i32 [] }`. */
export function spirals({ classes = 3, perClass = 200, noise = 0.02, seed = 0 }: SpiralOptions = {}): DataSource {
  const random = generator(seed);
  const x = new Float32Array(classes * perClass * 2);
  const label = new Int32Array(classes * perClass);
  for (let c = 0, i = 0; c < classes; c++) {
    for (let p = 0; p < perClass; p++, i++) {
      const t = p / perClass;
      const angle = 4 * t + (c * 2 * Math.PI) / classes;
      x[2 * i] = t * math.sin(angle) + noise * random.normal();
      x[2 * i + 1] = t * math.cos(angle) + noise * random.normal();
      label[i] = c;
    }
  }
  return arrays({ x: { data: x, shape: [label.length, 2] }, label });
}
