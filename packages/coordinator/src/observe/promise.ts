import type { Reduction } from '@lockstep/worker/local';

export type Mode = 'sync' | 'local' | 'ssp' | 'async';
export type Placement = 'coordinator' | 'workers';

export interface PromiseOptions {
  readonly mode: Mode;
  readonly reduce: Reduction;
  /** How gradients, or the ways of replicas, are compressed with a loss: `int8` and the like; empty = they are not. */
  readonly compression: string;
  /** Most updates that a worker may be ahead of the slowest one, in mode ssp. */
  readonly staleness: number;
}

/** What a run promises about its weights; the same words in the start event and in docs/determinism.md. */
export function promiseOf({ mode, reduce, compression, staleness }: PromiseOptions): string {
  const left = compression === '' ? '' : `, with what ${compression} leaves out of gradients told later`;
  switch (mode) {
    case 'sync':
      return reduce === 'f32'
        ? 'same bits for any number of threads and workers'
        : 'same bits for any number of threads and workers, with gradients rounded to bfloat16 at each node of the tree';
    case 'local':
      return compression === ''
        ? 'same bits for any number of threads and workers; a lost worker costs at most its round'
        : `same bits for any number of threads and workers, with what ${compression} leaves out of a round told in later ones; a lost worker costs at most its round`;
    case 'ssp':
      return `not reproducible: a worker may be up to ${staleness} updates ahead of the slowest one${left}`;
    case 'async':
      return `not reproducible: updates are applied as they arrive${left}`;
  }
}

/** Whether the same steps give the same bits again. */
export const isReproducible = (mode: Mode): boolean => mode === 'sync' || mode === 'local';
