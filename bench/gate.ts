import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setEnvironmentData } from 'node:worker_threads';
import { type Run, type TrainOptions, train } from '@lockstep/coordinator';

export interface Gate {
  /** Path of the job behind it. */
  readonly job: string;
  readonly words: Int32Array;
}

/** Under which a thread's environment data has its gate. */
export const gateKey = 'lockstep.bench.gate';
export const gateWord = { allowed: 0, taken: 1, waiting: 2 } as const;

/** Of samples: more than any run takes. */
const open = 2 ** 31 - 1;

/** A run that goes on for as many steps as it is let, so that two runs can take turns of milliseconds, each as warm as the other. */
export class GatedRun {
  readonly #words = new Int32Array(new SharedArrayBuffer(12));
  readonly #batch: number;
  readonly #run: Run;
  readonly #events: Promise<void>;

  constructor(job: string, batch: number, options: TrainOptions) {
    this.#batch = batch;
    this.#words[gateWord.allowed] = open;
    // The engine's thread gets a copy that shares the words.
    setEnvironmentData(gateKey, { job, words: this.#words } as never);
    this.#run = train(fileURLToPath(new URL('./work/gated.ts', import.meta.url)), { ...options, steps: 1_000_000 });
    this.#events = this.#read();
  }

  /** The first waits where it is when its threads have begun. */
  async #read(): Promise<void> {
    for await (const { type } of this.#run) if (type === 'start') this.#allow(0);
  }

  #allow(steps: number): void {
    Atomics.store(this.#words, gateWord.waiting, 0);
    Atomics.store(this.#words, gateWord.allowed, Atomics.load(this.#words, gateWord.taken) + steps * this.#batch);
    Atomics.notify(this.#words, gateWord.allowed);
  }

  async #stopped(): Promise<void> {
    const wait = Atomics.waitAsync(this.#words, gateWord.waiting, 0);
    if (wait.async) await wait.value;
  }

  /**
   * Lets it take so many steps.
   *
   * @param restMs until the steps that it had begun are over as well
   * @returns milliseconds of wall clock, and of all threads' computing, per step
   */
  async steps(count: number, restMs: number): Promise<{ wallMs: number; cpuMs: number }> {
    const [fromMs, from] = [performance.now(), process.cpuUsage()];
    this.#allow(count);
    await this.#stopped();
    const wallMs = (performance.now() - fromMs) / count;
    await setTimeout(restMs);
    const { user, system } = process.cpuUsage(from);
    return { wallMs, cpuMs: (user + system) / 1000 / count };
  }

  async started(): Promise<void> {
    while (Atomics.load(this.#words, gateWord.allowed) === open) await setTimeout(5);
    await this.#stopped();
  }

  async end(): Promise<void> {
    this.#run.stop();
    Atomics.store(this.#words, gateWord.allowed, open);
    Atomics.notify(this.#words, gateWord.allowed);
    await this.#events;
    await (await this.#run.done).model.close();
  }
}
