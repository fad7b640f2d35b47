import { type JobSpec, NonFiniteError, type StepValues } from '@lockstep/core/internal';
import { type Board, type Compression, type Replica, type TrainingState, wayNodes } from '@lockstep/worker';
import type { RunEvent } from '../observe/events.ts';
import type { OuterOptions } from '../strategies/outer-nesterov.ts';
import type { IntakeOf } from './intake.ts';
import type { LocalItem } from './local-agenda.ts';
import { OuterState, updatesOf } from './outer-state.ts';
import { RememberedWays } from './remembered-ways.ts';

export interface LocalParts {
  readonly spec: JobSpec;
  readonly replicas: number;
  readonly outer: OuterOptions;
  readonly compression: Compression;
  readonly board: Board;
  readonly state: TrainingState;
  readonly emit: (event: RunEvent) => void;
}

type Updates = ReturnType<typeof updatesOf>;

/** What the coordinator does of local training: it takes the outer steps, and remembers what they need. */
export class LocalTraining {
  readonly #parts: LocalParts;
  readonly #outer: OuterState;
  /** Where they are told as differences. */
  readonly #ways: RememberedWays | undefined;

  constructor(parts: LocalParts) {
    const { spec, replicas, outer, compression, board, state } = parts;
    this.#parts = parts;
    this.#outer = new OuterState(spec.layout, outer, state);
    if (compression.kind !== 'none') this.#ways = new RememberedWays(board, spec.layout, replicas, compression, state);
  }

  /** How ways come in, where it is not as they are. */
  get intake(): IntakeOf | undefined {
    return this.#ways?.intake;
  }

  /** The round whose ways are remembered; undefined where none are. */
  get waysItem(): number | undefined {
    return this.#ways?.item;
  }

  /** The nodes that somebody sends who computes these replicas. */
  nodesOf(ranges: readonly { readonly lo: number; readonly hi: number }[]) {
    if (!this.#ways) return wayNodes(ranges, this.#parts.replicas);
    return ranges.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => ({ lo: lo + i, hi: lo + i + 1 })));
  }

  /**
   * Changes the replica's parameters.
   *
   * @param number of the item @param root sum over all ways @returns the updates of the round, as they are written down
   * @throws NonFiniteError as the job says
   */
  async step(
    item: LocalItem,
    number: number,
    values: readonly StepValues[],
    root: Float32Array,
    replica: Replica,
  ): Promise<Updates> {
    const { spec, replicas, emit } = this.#parts;
    const { step, batches } = item;
    if (this.#outer.step(replica.state.parameters, root, replicas)) this.#ways?.commit(number);
    else {
      this.#ways?.abandon();
      const message = `Steps ${step + 1} to ${step + batches.length}: a replica came to numbers that are not finite.`;
      if (spec.nonFinite === 'stop')
        throw new NonFiniteError(`${message} Nothing was updated; lower the learning rate.`);
      emit({ type: 'warning', step, message: `${message} The round changed nothing.` });
    }
    const digest = await replica.refresh();
    return updatesOf(spec.phases, item, values, root.subarray(spec.layout.length), digest);
  }

  snapshot(step: number, parameters: Float32Array): TrainingState {
    return this.#outer.snapshot(step, parameters, this.#ways?.vectors ?? {});
  }
}
