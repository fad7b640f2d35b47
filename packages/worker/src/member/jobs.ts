import { BackOff } from './back-off.ts';
import type { WorkerAnswer, WorkerEffect, WorkerInput, WorkerJob } from './effects.ts';

export type Failure = Extract<WorkerInput, { kind: 'failed' }>;

interface Continuation {
  readonly done: (answer: WorkerAnswer) => void;
  readonly failed: (failure: Failure) => void;
}

/** What is under way, by number; and what waits for its time to be tried again. Answers nobody waits for are refused. */
export class Jobs {
  readonly #act: (effect: WorkerEffect) => void;
  readonly #random: () => number;
  readonly #running = new Map<number, Continuation>();
  readonly #later = new Map<number, { readonly atMs: number; readonly run: () => void }>();
  #lastId = 0;
  #nowMs = 0;

  constructor(act: (effect: WorkerEffect) => void, random: () => number) {
    this.#act = act;
    this.#random = random;
  }

  start(job: WorkerJob, done: Continuation['done'], failed: Continuation['failed']): number {
    const id = ++this.#lastId;
    this.#running.set(id, { done, failed });
    this.#act({ kind: 'start', id, job });
    return id;
  }

  /**
   * Starts a job that moves data, again and again while the network is at fault. Gives up, with the last failure, when it has not
   * worked for `patienceMs`. Returns what ends it.
   */
  persist(job: WorkerJob, patienceMs: number, done: Continuation['done'], failed: Continuation['failed']): () => void {
    const backOff = new BackOff(this.#random);
    const sinceMs = this.#nowMs;
    let id = 0;
    const attempt = () => {
      id = this.start(job, done, (failure) => {
        if (failure.fault !== 'network' || this.#nowMs - sinceMs > patienceMs) failed(failure);
        else {
          id = ++this.#lastId;
          this.#later.set(id, { atMs: this.#nowMs + backOff.next(), run: attempt });
        }
      });
    };
    attempt();
    return () => this.cancel(id);
  }

  cancel(id: number): void {
    this.#later.delete(id);
    if (this.#running.delete(id)) this.#act({ kind: 'cancel', id });
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const [id, { atMs, run }] of this.#later) {
      if (atMs > nowMs) continue;
      this.#later.delete(id);
      run();
    }
  }

  answered(input: Extract<WorkerInput, { kind: 'done' | 'failed' }>): void {
    const continuation = this.#running.get(input.id);
    if (!continuation) {
      this.#act({ kind: 'refused', what: 'an answer that nobody waits for any more' });
      return;
    }
    this.#running.delete(input.id);
    if (input.kind === 'done') continuation.done(input.answer);
    else continuation.failed(input);
  }
}
