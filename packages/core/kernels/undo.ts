/**
 * How far a thread is with changes made in place, for whoever takes its place when it dies: V8 ends a thread only where a loop begins its next
 * turn, so what is noted there is exact. Two words: the number of the open unit, and the elements of it that are left.
 */
let place: usize = memory.data(8);

/** What follows is noted at `place`. */
export function track(a: usize): void {
  place = load<usize>(a);
}

/** The next instruction is unit `number`, of `elements` elements. */
export function unit(a: usize): void {
  store<i32>(place, load<i32>(a));
  store<i32>(place, load<i32>(a, 4), 4);
}

/** For the kernels that change things in place: the word that they set to the number of elements left, at the end of each turn. */
// @ts-ignore: decorator
@inline
export function leftWord(): usize {
  return place + 4;
}

/**
 * The beginning of unit `number`, which cannot be continued: it is undone and done again. Copies what it is going to change, then says that it is
 * open. Whoever finds it open finds its copies whole.
 */
export function keep(a: usize): void {
  const bytes = load<usize>(a, 8) << 2;
  const end = a + 16 + (load<usize>(a, 12) << 3);
  for (let pair = a + 16; pair < end; pair += 8) memory.copy(load<usize>(pair), load<usize>(pair, 4), bytes);
  store<i32>(load<usize>(a), load<i32>(a, 4));
}
