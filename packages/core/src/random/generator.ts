import { deriveKey } from './keys.ts';
import { RandomStream } from './stream.ts';

/** Numbers one after the other, for generating data. Training itself never uses it: there every number has a place. */
export interface Generator {
  /** In [0, 1). */
  uniform(): number;
  normal(): number;
  /** Whole number in [0, n), n up to 2^24. */
  int(n: number): number;
}

/** A generator of its own for each seed and stream; it counts the numbers drawn, so the order of calls matters. */
export function generator(seed: number, stream = 0): Generator {
  const random = new RandomStream(deriveKey(seed, 'data'), stream);
  let place = 0;
  const next = (): number => place++;
  return {
    uniform: () => random.uniform(next()),
    normal: () => {
      const i = place + (place % 2);
      place = i + 2;
      return random.normal(i);
    },
    int: (n) => Math.floor(random.uniform(next()) * n),
  };
}
