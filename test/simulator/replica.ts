import type { Process } from './world.ts';

/** Work that takes time and is done one after the other, like that of a replica's threads. */
export class Replica {
  readonly #process: Process;
  readonly #queue: ((free: () => void) => void)[] = [];
  #busy = false;

  constructor(process: Process) {
    this.#process = process;
  }

  /** @param task calls `free` when the next one may begin */
  do(task: (free: () => void) => void): void {
    this.#queue.push(task);
    this.#next();
  }

  compute(ms: number, then: () => void): void {
    this.do((free) =>
      this.#process.after(ms, () => {
        then();
        free();
      }),
    );
  }

  #next(): void {
    if (this.#busy) return;
    const task = this.#queue.shift();
    if (!task) return;
    this.#busy = true;
    let freed = false;
    task(() => {
      if (freed) return;
      freed = true;
      this.#busy = false;
      this.#next();
    });
  }
}
