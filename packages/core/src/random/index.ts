export { type Generator, generator } from './generator.ts';
export { deriveKey, type Key, type Purpose, pathId } from './keys.ts';
export { Permutation } from './permutation.ts';
export { philox4x32 } from './philox.ts';
export { RandomStream } from './stream.ts';
