/** Changes of the worker set that fit into the terms of one coordinator. */
export const termsPerIncarnation = 65_536;

/**
 * The first term of the coordinator that this one belongs to. Pieces are named by items, which each coordinator counts anew; within its time a
 * piece has the same bytes whoever is there, so exchanging them asks for no more than that.
 */
export const incarnationTerm = (term: number): number => term - (term % termsPerIncarnation);
