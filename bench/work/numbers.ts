/** Fixed numbers: speed does not depend on which. A linear congruential generator (Numerical Recipes). */
function* integers(seed: number): Generator<number> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

/** Floats in [-1, 1). */
export function floats(count: number, seed = 1): Float32Array {
  const source = integers(seed);
  return Float32Array.from({ length: count }, () => (source.next().value as number) / 2 ** 23 - 1);
}

/** Whole numbers from 0 to below `bound`. */
export function classes(count: number, bound: number, seed = 2): Int32Array {
  const source = integers(seed);
  return Int32Array.from({ length: count }, () => (source.next().value as number) % bound);
}
