import { UsageError } from '../errors.ts';
import { philox4x32 } from './philox.ts';

/** What a random number is for: streams of different purposes never meet. */
export const purposes = { init: 1, dropout: 2, noise: 3, augmentation: 4, shuffle: 5, data: 6 } as const;
export type Purpose = keyof typeof purposes;

/** A 64-bit Philox key as two u32. */
export type Key = readonly [number, number];

const words = new Uint32Array(4);

/**
 * The key of one purpose at one step of a run: two words of Philox over all of them, so that neighbouring seeds and steps have
 * unrelated keys.
 *
 * @param phase of the job, below 65536
 * @param replica of local training, below 65536
 * @throws UsageError unless the seed is a safe integer of at least 0
 */
export function deriveKey(seed: number, purpose: Purpose, step = 0, phase = 0, replica = 0): Key {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new UsageError(`The seed ${seed} must be a whole number from 0 to 2^53 - 1.`);
  const high = (n: number) => Math.floor(n / 2 ** 32);
  philox4x32(step >>> 0, high(step), ((phase << 16) | replica) >>> 0, purposes[purpose], seed >>> 0, high(seed), words);
  return [words[0] as number, words[1] as number];
}

/** 32-bit FNV-1a of a path, finished by an avalanche, so that similar paths give unrelated counters. */
export function pathId(path: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
