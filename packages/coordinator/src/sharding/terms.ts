import { termsPerIncarnation } from '@lockstep/worker';

/** Of which coordinator of the run a term is. */
export const incarnationOf = (term: number): number => Math.floor(term / termsPerIncarnation);
