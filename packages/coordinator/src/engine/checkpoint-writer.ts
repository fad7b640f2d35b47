import type { TrainingState } from '@lockstep/worker/local';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { RunEvent } from '../observe/events.ts';
import type { Journal } from '../observe/journal.ts';
import { SupersededError } from '../storage/fence.ts';

const intervalMs = 30_000;
/** Epochs may be shorter than a write takes. */
const epochIntervalMs = 5_000;

/** Writes checkpoints in the background, one at a time. A failure is an alarm, not the end of the run. */
export class CheckpointWriter {
  readonly #store: CheckpointStore | null;
  readonly #journal: Journal | null;
  readonly #emit: (event: RunEvent) => void;
  readonly #losses = new Map<number, number>();
  #lastMs = performance.now();
  #writing: Promise<void> = Promise.resolve();
  #saved = -1;

  constructor(store: CheckpointStore | null, journal: Journal | null, emit: (event: RunEvent) => void) {
    this.#store = store;
    this.#journal = journal;
    this.#emit = emit;
  }

  /** By the clock, which decides when a copy is written and nothing else. */
  due(endOfEpoch: boolean): boolean {
    const nowMs = performance.now();
    if (this.#store === null || nowMs - this.#lastMs <= (endOfEpoch ? epochIntervalMs : intervalMs)) return false;
    this.#lastMs = nowMs;
    return true;
  }

  /** The loss by which the best checkpoint is kept. */
  evaluated(step: number, loss: number): void {
    this.#losses.set(step, loss);
  }

  /** @param final there will be no later one: better without the journal's last lines than without the weights */
  write(state: TrainingState, final: boolean): void {
    const store = this.#store;
    if (!store) return;
    const loss = this.#losses.get(state.step);
    this.#writing = this.#writing.then(async () => {
      if (this.#saved === state.step) return;
      try {
        // The journal is never behind a checkpoint, also after a power cut: a run that resumes there would leave a hole in it.
        const hole = await this.#journal?.sync();
        if (hole && !final) throw hole;
        const { path, digest } = await store.save(state, loss);
        this.#saved = state.step;
        this.#emit({ type: 'checkpoint', step: state.step, path, digest });
      } catch (error) {
        // Ends the run; whoever looks at the fence says why.
        if (error instanceof SupersededError) return;
        this.#emit({
          type: 'warning',
          step: state.step,
          message: `The checkpoint of step ${state.step} could not be written (${(error as Error).message}); training goes on, older checkpoints are intact.`,
        });
      }
    });
  }

  finish(): Promise<void> {
    return this.#writing;
  }
}
