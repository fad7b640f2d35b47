export { type ColorJitterOptions, colorJitter } from './colour.ts';
export {
  type RandomAffineOptions,
  type RandomCropOptions,
  randomAffine,
  randomCrop,
  randomHorizontalFlip,
  randomRotation,
  randomVerticalFlip,
} from './geometry.ts';
export type { Interval } from './parameters.ts';
