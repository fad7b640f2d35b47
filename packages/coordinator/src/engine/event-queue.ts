import type { RunEvent } from '../observe/events.ts';

/** A slow consumer loses the oldest `step` events beyond so many; no other event is ever dropped. */
const maxWaitingSteps = 1000;

/** Events between the engine and whoever iterates over the run; each is delivered to one iterator. */
export class EventQueue {
  #waiting: RunEvent[] = [];
  #waitingSteps = 0;
  #readers: { resolve: (result: IteratorResult<RunEvent>) => void; reject: (error: unknown) => void }[] = [];
  #ended = false;
  #error: unknown;

  push(event: RunEvent): void {
    const reader = this.#readers.shift();
    if (reader) {
      reader.resolve({ value: event, done: false });
      return;
    }
    this.#waiting.push(event);
    if (event.type !== 'step' || ++this.#waitingSteps <= maxWaitingSteps) return;
    const oldest = this.#waiting.findIndex(({ type }) => type === 'step');
    this.#waiting.splice(oldest, 1);
    this.#waitingSteps--;
  }

  /** No more events; an error is thrown to the iterator after those that wait. */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    for (const { resolve, reject } of this.#readers.splice(0)) {
      if (error === undefined) resolve({ value: undefined, done: true });
      else reject(error);
    }
  }

  next(): Promise<IteratorResult<RunEvent>> {
    const event = this.#waiting.shift();
    if (event) {
      if (event.type === 'step') this.#waitingSteps--;
      return Promise.resolve({ value: event, done: false });
    }
    if (this.#ended) {
      const error = this.#error;
      this.#error = undefined;
      return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }
}
