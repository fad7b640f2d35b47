import { type Waiting, waitingText } from '../observe/cluster-events.ts';
import type { RunEvent } from '../observe/events.ts';
import { type Meeting, meetingText } from './meeting.ts';

/** Seldom enough for a log, often enough for somebody who looks in. */
const intervalMs = 60_000;

/** Says again what a run waits for, as long as it does. */
export class WaitReminder {
  readonly #meeting: Meeting;
  readonly #say: (text: string) => void;
  #join: string | undefined;
  #wait: (Waiting & { readonly step: number }) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(meeting: Meeting, say: (text: string) => void) {
    this.#meeting = meeting;
    this.#say = say;
  }

  event(event: RunEvent): void {
    if (event.type === 'start') this.#join = meetingText(event, this.#meeting);
    else if (event.type === 'warning' && event.waiting) this.#begin({ step: event.step ?? 0, ...event.waiting });
    else if (event.type === 'worker-joined' || event.type === 'worker-lost') {
      if (this.#wait) this.#wait = { ...this.#wait, workers: event.workers };
    } else if (event.type === 'step' || event.type === 'done') this.close();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#wait = undefined;
  }

  #begin(wait: Waiting & { readonly step: number }): void {
    this.close();
    this.#wait = wait;
    this.#timer = setInterval(() => this.#remind(), intervalMs);
    this.#timer.unref();
  }

  #remind(): void {
    // Where enough have come the step is only not done yet.
    if (!this.#wait || this.#wait.workers >= this.#wait.needed) return;
    const join = this.#join === undefined ? '' : `; ${this.#join}`;
    this.#say(`still waiting ${waitingText(this.#wait.step, this.#wait)}${join}`);
  }
}
