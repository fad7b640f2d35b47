import { LockstepError } from '@lockstep/core/kernels';
import { clearBadIndex } from '../memory/bad-index.ts';
import { progressWord } from '../memory/progress.ts';
import type { Ring } from '../memory/ring.ts';
import { stagesDoneWord } from '../memory/stages.ts';

import type { ThreadScript } from '../thread-script.ts';
import type { Casualty, ComputePool } from './pool.ts';

/** So often threads may die without a slot being answered in between: then it is no accident. */
const attempts = 3;

/** What was done about threads that died. */
export interface Rescued {
  readonly casualties: readonly Casualty[];
  /** Slot that was open. */
  readonly slot: number;
  /** When it was noticed, by `performance.now`. */
  readonly noticedMs: number;
}

export interface RescueParts {
  readonly pool: ComputePool;
  readonly ring: Ring;
  readonly memory: WebAssembly.Memory;
  readonly scripts: readonly ThreadScript[];
  readonly contexts: readonly number[];
  /** The words `ThreadScript.stages`; 0 where there are none. */
  readonly stages: number;
  /** Whether a part of what is being computed was told to be final. */
  readonly handedOver?: () => boolean;
}

/**
 * Puts a run back on its feet after compute threads died, with the bits it would have had. All threads have left before anything is looked at. If none
 * of them had begun to change parameters for the open slot it is computed again. If one had, all had met once the sums were there, and sums
 * do not change until all have met again: each finishes its own slice from the element that it had come to.
 */
export class Rescue {
  readonly #parts: RescueParts;
  #slot = -1;
  #attempts = 0;

  constructor(parts: RescueParts) {
    this.#parts = parts;
  }

  /** @throws LockstepError where another thread would be no better */
  async rescue(): Promise<Rescued> {
    const { pool, ring, memory, scripts, contexts, stages } = this.#parts;
    const noticedMs = performance.now();
    const casualties = await pool.casualties();
    const refusal = (await pool.reports()).find((report) => report.refusal !== undefined)?.refusal;
    if (refusal !== undefined) throw new LockstepError(refusal);
    const [first] = casualties;
    if (!first)
      throw new LockstepError('The compute threads stopped without a reason; run again with --debug and report it.');
    const words = new Int32Array(memory.buffer);
    if (this.#parts.handedOver?.()) {
      // Somebody may be reading what is final; computing it again would change it under his eyes.
      throw new LockstepError(
        `Compute thread ${first.thread} died (${first.reason}) after a part of its gradient had been handed over: this process cannot go on.`,
      );
    }
    if (stages !== 0) words.fill(0, stages >>> 2, (stages >>> 2) + stagesDoneWord);
    const slot = ring.heal();
    this.#attempts = slot === this.#slot ? this.#attempts + 1 : 1;
    this.#slot = slot;
    if (this.#attempts > attempts) {
      throw new LockstepError(
        `Compute threads died ${this.#attempts} times at the same place (thread ${first.thread}: ${first.reason}); run again with --debug and report it.`,
      );
    }
    clearBadIndex(memory.buffer, contexts);
    const updating = scripts.some(({ progress }) => {
      const at = progress >>> 2;
      return words[at + progressWord.taken] === slot + 1 && words[at + progressWord.unit] !== 0;
    });
    pool.restart({ slot, updating });
    return { casualties, slot, noticedMs };
  }
}

/** One sentence about it, once the slot that was open is answered. */
export const describeRescue = ({ casualties, noticedMs }: Rescued): string => {
  const tookMs = performance.now() - noticedMs;
  const dead = casualties.map(({ thread, reason }) => `${thread} (${reason})`).join(', ');
  const [name, have] = casualties.length === 1 ? ['Compute thread', 'was'] : ['Compute threads', 'were'];
  return `${name} ${dead} died and ${have} replaced; the step was done ${Math.ceil(tookMs)} ms later, and nothing is lost.`;
};
