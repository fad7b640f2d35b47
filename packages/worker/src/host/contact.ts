import type { Farewell } from './coordinator-link.ts';

/** Between two notes that there is still no connection, in milliseconds: enough to see that it tries, few enough for a log of days. */
const noteMs = 60_000;

export interface ContactOptions {
  /** How long the coordinator is dialled before it was reached once, in milliseconds. */
  readonly firstMs: number;
  /** And so long after it was lost; Infinity = for ever. */
  readonly giveUpMs: number;
  readonly say: (text: string) => void;
  /** Why nobody can be spoken to, in words; asked only when it is said. */
  readonly why: (reason: string) => Promise<string>;
}

/** Whether to dial on: `first`: it was never reached, for too long; `lost`: it was, long ago. */
export type Verdict = 'dial' | 'first' | 'lost';

/** What a worker tells people of its connection to the coordinator, and for how long it looks for it. */
export class Contact {
  readonly #options: ContactOptions;
  /** Since when there is no connection; the start of the process at first. */
  #awayMs: number;
  #notedMs = Number.NEGATIVE_INFINITY;
  /** The coordinator has answered once. */
  #met = false;
  /** It is a member over the stream at hand, and ready. */
  #ready = false;
  /** People were told so, now or once before. */
  #told = false;
  #toldOnce = false;
  /** The sentence with which it was turned away last. */
  #turnedAway: string | undefined;

  constructor(options: ContactOptions, nowMs: number) {
    this.#options = options;
    this.#awayMs = nowMs;
  }

  /** For how long there has been no connection, in milliseconds. */
  awayMs(nowMs: number): number {
    return nowMs - this.#awayMs;
  }

  welcomed(): void {
    this.#met = true;
  }

  /** It has said that it can begin. Who was turned away after that before has joined when it is given something. */
  ready(): void {
    this.#ready = true;
    if (this.#turnedAway === undefined) this.given();
  }

  /** It was given work, or a state to take. */
  given(): void {
    if (this.#told) return;
    this.#options.say(this.#toldOnce ? 'joined again' : 'joined the run');
    this.#told = true;
    this.#toldOnce = true;
    this.#turnedAway = undefined;
  }

  /** A stream has ended, or none was to be had. */
  lost(reason: string, farewell: Farewell, nowMs: number): Verdict {
    const { firstMs, giveUpMs } = this.#options;
    const ready = this.#ready;
    this.#ready = false;
    this.#told = false;
    if (farewell === 'later') {
      if (this.#turnedAway !== reason) this.#note(nowMs, `turned away: ${reason.replace(/\.$/, '')}; dialling again`);
      this.#turnedAway = reason;
      this.#met = true;
    } else if (ready) {
      this.#awayMs = nowMs;
      this.#note(nowMs, `connection lost (${reason}); dialling again`);
    }
    const forMs = this.awayMs(nowMs);
    if (!this.#met) return forMs > firstMs ? 'first' : 'dial';
    if (forMs > giveUpMs) return 'lost';
    if (nowMs - this.#notedMs >= noteMs) void this.#remind(reason, nowMs);
    return 'dial';
  }

  async #remind(reason: string, nowMs: number): Promise<void> {
    this.#notedMs = nowMs;
    const why = await this.#options.why(reason);
    if (!this.#told) this.#options.say(`no connection for ${inWords(this.awayMs(nowMs))} (${why}); dialling again`);
  }

  #note(nowMs: number, text: string): void {
    this.#notedMs = nowMs;
    this.#options.say(text);
  }
}

/** `45 s`, `3 min`, `2.5 h`. */
export function inWords(ms: number): string {
  if (ms < 100_000) return `${Math.round(ms / 1000)} s`;
  return ms < 6_000_000 ? `${Math.round(ms / 60_000)} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
