/** What a thread noted of an index out of range or a value that breaks a rule. */
export interface BadIndex {
  /** Of the Program. */
  readonly node: number;
  /** Row of the run, in rows of the index; of a broken rule the element. */
  readonly row: number;
  readonly value: number;
  /** Of the run's first sample in the batch. */
  readonly position: number;
}

/** Words of a context block (docs/kernels.md). */
const word = { flag: 8, node: 9, row: 10, value: 11, position: 12 } as const;

/** What was noted of slots that are computed again is noted again. */
export function clearBadIndex(buffer: ArrayBufferLike, contexts: readonly number[]): void {
  for (const context of contexts) new Int32Array(buffer, context, 16)[word.flag] = 0;
}

/** The first one that any thread noted. */
export function readBadIndex(buffer: ArrayBufferLike, contexts: readonly number[]): BadIndex | undefined {
  for (const context of contexts) {
    const words = new Int32Array(buffer, context, 16);
    if (words[word.flag] === 0) continue;
    const values = words[word.flag] === 2 ? new Float32Array(buffer, context, 16) : words;
    return {
      node: words[word.node] as number,
      row: words[word.row] as number,
      value: values[word.value] as number,
      position: words[word.position] as number,
    };
  }
  return undefined;
}
