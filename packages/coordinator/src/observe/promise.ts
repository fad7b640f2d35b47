import type { Reduction } from '@lockstep/worker/local';

export type Mode = 'sync' | 'local' | 'ssp' | 'async';
export type Placement = 'coordinator' | 'workers';

export interface PromiseOptions {
  readonly mode: Mode;
  readonly reduce: Reduction;
  /** Whether gradients (or the ways of replicas) are compressed with a loss. */
  readonly compressed: boolean;
  /** Most updates that a worker may be ahead of the slowest one, in mode ssp. */
  readonly staleness: number;
}

/** What a run promises about its weights; the same words in the start event and in docs/determinism.md. */
export function promiseOf({ mode, reduce, compressed, staleness }: PromiseOptions): string {
  switch (mode) {
    case 'sync':
      return reduce === 'f32'
        ? 'same bits for any number of threads and workers'
        : 'same bits for any number of threads and workers, with gradients rounded to bfloat16 at each node of the tree';
    case 'local':
      return compressed
        ? 'same bits for any number of workers as long as none is lost, since what compression left out stays with a worker'
        : 'same bits for any number of threads and workers; a lost worker costs at most its round';
    case 'ssp':
      return `not reproducible: a worker may be up to ${staleness} updates ahead of the slowest one`;
    case 'async':
      return 'not reproducible: updates are applied as they arrive';
  }
}

/** Whether the same steps give the same bits again. */
export const isReproducible = (mode: Mode): boolean => mode === 'sync' || mode === 'local';
