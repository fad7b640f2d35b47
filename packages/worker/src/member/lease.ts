/**
 * A gap between two ticks that is our own stall (a blocked event loop, SIGSTOP, a suspended machine) and nobody else's silence. In
 * milliseconds; ticks come every 50.
 */
export const stallMs = 500;

/** How long the other side has been silent, on a monotonic clock. Time in which we ourselves were not running does not count. */
export class Lease {
  readonly #ms: number;
  #heardMs: number;

  constructor(leaseMs: number, nowMs: number) {
    this.#ms = leaseMs;
    this.#heardMs = nowMs;
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** Grants the time that we did not run: what the other side said meanwhile is still in our buffers. */
  excuse(stalledMs: number): void {
    this.#heardMs += stalledMs;
  }

  silentMs(nowMs: number): number {
    return Math.max(0, nowMs - this.#heardMs);
  }

  expired(nowMs: number): boolean {
    return this.silentMs(nowMs) > this.#ms;
  }
}

/** Notices own stalls by the time between two calls. */
export class StallWatch {
  #lastMs: number | undefined;

  /** Milliseconds for which we were not running; 0 where all is well. */
  observe(nowMs: number): number {
    const gapMs = nowMs - (this.#lastMs ?? nowMs);
    this.#lastMs = nowMs;
    return gapMs > stallMs ? gapMs : 0;
  }
}
