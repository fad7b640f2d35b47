export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.ts';
export { l1, mse } from './regression.ts';
export { Weighted } from './weighted.ts';
