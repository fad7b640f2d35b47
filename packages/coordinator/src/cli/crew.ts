import type { RunEvent } from '../observe/events.ts';
import type { Meeting } from './meeting.ts';
import { plural } from './narrator.ts';

/** Who computes, in a few words: threads of this process alone, or workers and how many of them are still waited for. */
export class Crew {
  readonly #needed: number;
  #threads = 0;
  /** Undefined where none can join. */
  #workers: number | undefined;
  #begun = false;

  constructor({ minWorkers = 1 }: Meeting) {
    this.#needed = minWorkers;
  }

  /** @returns whether there is something new to show */
  event(event: RunEvent): boolean {
    const before = this.text;
    if (event.type === 'start') {
      this.#threads = event.threads;
      this.#workers = event.address === undefined ? undefined : 0;
    } else if (event.type === 'worker-joined' || event.type === 'worker-lost') {
      if (this.#workers !== undefined) this.#workers = event.workers;
    } else if (event.type === 'step') this.#begun = true;
    return this.text !== before;
  }

  get text(): string {
    if (this.#workers === undefined) return plural(this.#threads, 'thread');
    if (this.#begun || this.#workers >= this.#needed) return plural(this.#workers, 'worker');
    return `${this.#workers} of ${plural(this.#needed, 'worker')}`;
  }
}
