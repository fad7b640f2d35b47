import type { ImageSample } from './image-sample.ts';
import type { DataSource } from './source.ts';

/** A data set of images as its authors divided it. */
export interface ImageSplits {
  readonly train: DataSource<ImageSample>;
  readonly test: DataSource<ImageSample>;
}
