import { setTimeout } from 'node:timers/promises';
import type { JobSpec } from '@lockstep/core/internal';
import {
  type Board,
  compoundSink,
  compoundSource,
  type PiecesOfOthers,
  pieces,
  readState,
  type StateView,
  stateParts,
  type TrainingState,
} from '@lockstep/worker';
import { type ClusterDriver, RewindError } from './cluster-driver.ts';
import { stateArrays } from './state-copy.ts';

/** Between two rounds of asking whoever holds the state, in milliseconds. */
const holderPauseMs = 200;

/** How long one holder may take to hand a state over, in milliseconds. */
const handOverMs = 600_000;

export interface KeptStateParts {
  readonly spec: JobSpec;
  readonly run: string;
  /** The state that the run began with: its shape is that of all. */
  readonly start: TrainingState;
  readonly board: Board;
  readonly others: PiecesOfOthers;
  readonly driver: ClusterDriver;
}

/** With workers as owners: the newest state that the coordinator has a copy of, and can give to whoever needs it. */
export class KeptState {
  readonly #parts: KeptStateParts;
  #item = 0;
  #state: StateView | undefined;

  constructor(parts: KeptStateParts) {
    this.#parts = parts;
  }

  /** The item after which it is on the board. */
  get item(): number {
    return this.#item;
  }

  /** The state that the run begins with. */
  begin(): void {
    const { spec, start } = this.#parts;
    this.#keep(0, stateArrays(spec, start));
  }

  /** A copy of the state after the last item, in the form of a checkpoint of this step. @throws RewindError where nobody has it any more */
  async snapshot(step: number): Promise<TrainingState> {
    const item = this.#parts.driver.core.stateItem;
    // Meanwhile another one may be kept.
    const state = item === this.#item ? (this.#state as StateView) : await this.#take(item);
    return readState(state, step);
  }

  /** Takes the state after this item from whoever holds it. @throws RewindError where nobody does any more */
  async take(item: number): Promise<void> {
    await this.#take(item);
  }

  async #take(item: number): Promise<StateView> {
    const state = await this.#fetch(item);
    this.#keep(item, state);
    return state;
  }

  async #fetch(item: number): Promise<StateView> {
    const { spec, start, run, others, driver } = this.#parts;
    const state = stateArrays(spec, start);
    for (;;) {
      const { holders, term } = driver.core;
      if (holders.length === 0) throw new RewindError('All workers that held the state are gone.');
      for (const { id, address } of holders) {
        try {
          const signal = AbortSignal.timeout(handOverMs);
          const sink = compoundSink(stateParts(state));
          await others.pull(address, { run, term, member: id }, pieces.state(item), sink, signal);
          return state;
        } catch {
          // Another one has it as well; who is gone is no holder any more when its lease has ended.
        }
      }
      driver.check();
      await setTimeout(holderPauseMs);
    }
  }

  #keep(item: number, state: StateView): void {
    const { board, driver } = this.#parts;
    this.#state = state;
    board.withdraw(pieces.state(this.#item));
    this.#item = item;
    board.publish(pieces.state(item), compoundSource(stateParts(state)));
    driver.handle({ kind: 'kept', item });
  }
}
