import { kernelsHash, numericsVersion } from '@lockstep/core/internal';
import type { Hello } from '@lockstep/worker';

/** Why the bits of a worker could be others, in a sentence; undefined = they are the same. */
export function otherBits(hello: Pick<Hello, 'name' | 'numericsVersion' | 'kernelsHash'>): string | undefined {
  const own = kernelsHash();
  if (hello.numericsVersion !== numericsVersion)
    return `Worker ${hello.name} has numerics version ${hello.numericsVersion}, the coordinator ${numericsVersion}: use the same release of Lockstep on both.`;
  if (hello.kernelsHash !== own)
    return `Worker ${hello.name} has other kernels (${hello.kernelsHash.slice(0, 12)}, not ${own.slice(0, 12)}): use the same release of Lockstep on both.`;
  return undefined;
}
