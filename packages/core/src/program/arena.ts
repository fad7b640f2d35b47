const alignment = 64;

/**
 * Gives out byte ranges of a region that starts at 0 and takes them back; best fit, neighbours joined. Only offsets are handled
 * here, at planning time: replaying a plan allocates nothing.
 */
export class ArenaAllocator {
  #free: { from: number; to: number }[] = [];
  #end = 0;
  #peak = 0;

  /** Bytes needed so far. */
  get peak(): number {
    return this.#peak;
  }

  static round(bytes: number): number {
    return Math.max(alignment, Math.ceil(bytes / alignment) * alignment);
  }

  allocate(bytes: number): number {
    const size = ArenaAllocator.round(bytes);
    let best: { from: number; to: number } | undefined;
    for (const block of this.#free) {
      const fits = block.to - block.from >= size;
      if (fits && (!best || block.to - block.from < best.to - best.from)) best = block;
    }
    if (best) {
      const from = best.from;
      best.from += size;
      if (best.from === best.to) this.#free.splice(this.#free.indexOf(best), 1);
      return from;
    }
    const from = this.#end;
    this.#end += size;
    this.#peak = Math.max(this.#peak, this.#end);
    return from;
  }

  release(from: number, bytes: number): void {
    const to = from + ArenaAllocator.round(bytes);
    const at = this.#free.findIndex((block) => block.from > from);
    const index = at < 0 ? this.#free.length : at;
    this.#free.splice(index, 0, { from, to });
    const next = this.#free[index + 1];
    const own = this.#free[index] as { from: number; to: number };
    if (next && own.to === next.from) {
      own.to = next.to;
      this.#free.splice(index + 1, 1);
    }
    const previous = this.#free[index - 1];
    if (previous && previous.to === own.from) {
      previous.to = own.to;
      this.#free.splice(index, 1);
    }
    const last = this.#free.at(-1);
    if (last && last.to === this.#end) {
      this.#end = last.from;
      this.#free.pop();
    }
  }
}
