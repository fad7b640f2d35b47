/** A worker takes part from the next update on. */
export interface WorkerJoinedEvent {
  readonly type: 'worker-joined';
  /** Numbers workers in the order in which they came; a worker that comes back has a new one. */
  readonly worker: number;
  readonly name: string;
  readonly threads: number;
  /** Where others can pull from it; null where nobody can. */
  readonly address: string | null;
  /** Workers of the run now, this one included. */
  readonly workers: number;
}

export interface WorkerLostEvent {
  readonly type: 'worker-lost';
  readonly worker: number;
  readonly name: string;
  /** Why, in words: its connection closed, its lease ran out, it left. */
  readonly reason: string;
  /** The step it was at, counted from 1. */
  readonly step: number;
  /** Those of its shards that no received sub-tree covers: they are computed again, by others. */
  readonly shards: readonly number[];
  /** From noticing the loss until those shards were there, or the others were in agreement again. */
  readonly recoveredMs: number;
  readonly workers: number;
}

/** A worker is much slower than it was expected to be: its shards were given to others as well. */
export interface StragglerEvent {
  readonly type: 'straggler';
  readonly worker: number;
  readonly name: string;
  readonly step: number;
  /** Time it has computed, without waiting for others. */
  readonly computeMs: number;
  readonly expectedMs: number;
}

/** What a run waits for: `workers` of the `needed` ones are here. */
export interface Waiting {
  readonly workers: number;
  readonly needed: number;
}

/** `before step 3: 1 of 2 workers are here` */
export const waitingText = (step: number, { workers, needed }: Waiting): string =>
  `before step ${step}: ${workers === 0 && needed === 1 ? 'no worker is here' : `${workers} of ${needed} workers are here`}`;
