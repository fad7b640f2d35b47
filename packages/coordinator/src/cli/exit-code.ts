/** Exit codes of the command line: part of the outside contract. */
export const exitCode = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
