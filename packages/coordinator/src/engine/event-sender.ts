import type { MessagePort } from 'node:worker_threads';
import type { RunEvent } from '../observe/events.ts';

/** Tens of thousands of steps a second must not be as many messages. */
const gatherMs = 50;

/** Sends events to the caller's thread: at once where they are rare, and in groups where steps are short. */
export class EventSender {
  readonly #port: Pick<MessagePort, 'postMessage' | 'close'>;
  #waiting: RunEvent[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param port receives arrays of `RunEvent` */
  constructor(port: Pick<MessagePort, 'postMessage' | 'close'>) {
    this.#port = port;
  }

  readonly send = (event: RunEvent): void => {
    this.#waiting.push(event);
    if (event.type !== 'step') this.#flush();
    else if (this.#timer === undefined) this.#next();
  };

  close(): void {
    clearTimeout(this.#timer);
    this.#flush();
    this.#port.close();
  }

  /** What waits goes now; steps that follow closely wait for the next time. */
  #next(): void {
    const any = this.#waiting.length > 0;
    this.#flush();
    this.#timer = any ? setTimeout(() => this.#next(), gatherMs) : undefined;
  }

  #flush(): void {
    if (this.#waiting.length > 0) this.#port.postMessage(this.#waiting);
    this.#waiting = [];
  }
}
