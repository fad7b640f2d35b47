import * as math from '../math/index.ts';
import { generator } from '../random/generator.ts';
import { type ArrayField, arrays } from './arrays.ts';
import type { DataSource } from './source.ts';

export interface SpiralOptions {
  readonly classes?: number;
  readonly perClass?: number;
  /** Standard deviation of the points around their arm. */
  readonly noise?: number;
  readonly seed?: number;
}

/** Interleaved spiral arms in the plane: `{ x: f32 [2], label: i32 [] }`. */
export function spirals({
  classes = 3,
  perClass = 200,
  noise = 0.02,
  seed = 0,
}: SpiralOptions = {}): DataSource<{ x: ArrayField['data']; label: ArrayField['data'] }> {
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

export interface BlobOptions {
  readonly classes?: number;
  readonly perClass?: number;
  /** Dimensions of a point. */
  readonly features?: number;
  /** Standard deviation of the points around their centre; the centres lie in [-1, 1). */
  readonly noise?: number;
  readonly seed?: number;
}

/** Gaussian clouds around random centres: `{ x: f32 [features], label: i32 [] }`. */
export function blobs({
  classes = 3,
  perClass = 200,
  features = 2,
  noise = 0.2,
  seed = 0,
}: BlobOptions = {}): DataSource<{ x: ArrayField['data']; label: ArrayField['data'] }> {
  const random = generator(seed);
  const centres = Array.from({ length: classes * features }, () => 2 * random.uniform() - 1);
  const x = new Float32Array(classes * perClass * features);
  const label = new Int32Array(classes * perClass);
  for (let i = 0; i < label.length; i++) {
    const c = Math.floor(i / perClass);
    label[i] = c;
    for (let f = 0; f < features; f++)
      x[i * features + f] = (centres[c * features + f] as number) + noise * random.normal();
  }
  return arrays({ x: { data: x, shape: [label.length, features] }, label });
}
