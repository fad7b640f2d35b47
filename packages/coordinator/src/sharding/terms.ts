/** Changes of the worker set that fit into one incarnation's terms. */
export const termsPerIncarnation = 65_536;

/** Of which coordinator of the run a term is. */
export const incarnationOf = (term: number): number => Math.floor(term / termsPerIncarnation);
