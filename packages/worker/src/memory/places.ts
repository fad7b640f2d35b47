import { hyperLength, type JobSpec, resultLayoutOf } from '@lockstep/core/internal';
import type { BufferId, WorkPlan } from '../sharding/work.ts';
import { type ProgressPlaces, progressWord, resumedBytes } from './progress.ts';
import type { Regions } from './regions.ts';
import type { StateAddresses } from './run-image.ts';
import { runGroups, runVectors } from './run-state.ts';
import type { Slot } from './slot.ts';

const contextBytes = 256;

/** What belongs to one thread alone. */
export interface ThreadPlaces extends ProgressPlaces {
  readonly context: number;
  readonly record: number;
  /** The thread's own sums of the statistics over all shards; copies of the parts follow. */
  readonly sums: number;
  readonly groups: readonly number[];
  readonly hyper: readonly number[];
  /** Copies of the groups' states while they advance. */
  readonly groupsBefore: readonly number[];
}

/** Where a thread computes shards. */
export interface ThreadWork {
  readonly arena: number;
  readonly scratch: number;
  /** Result vectors. */
  readonly buffers: readonly number[];
}

/** What all threads see. */
export interface SharedPlaces {
  readonly state: StateAddresses;
  /** f64 sum of squares of each block of the gradient. */
  readonly squares: number;
  readonly hashes: number;
  /** f64 value of each piece of the penalties, by phase. */
  readonly penalties: readonly number[];
  /** f64 sum of squares of each piece of the watched gradients. */
  readonly watched: number;
  readonly slots: readonly Slot[];
  readonly threads: readonly ThreadPlaces[];
  readonly groupConstants: readonly number[];
  /** An f32 1. */
  readonly one: number;
}

/** @param parts result vectors that are folded, at most */
export function reserveThread(regions: Regions, spec: JobSpec, parts: number): ThreadPlaces {
  const groups = runGroups(spec);
  return {
    context: regions.reserve('control', contextBytes),
    record: regions.reserve('control', 16),
    sums: regions.reserve('control', parts * partBytes(mostStatistics(spec).length)),
    // The slots' own copies of the groups' state: every thread advances its own, all alike.
    groups: groups.map(() => regions.reserve('control', 24)),
    hyper: groups.map(() => regions.reserve('control', hyperLength * 4)),
    progress: regions.reserve('control', 4 * Object.keys(progressWord).length),
    groupsBefore: groups.map(() => regions.reserve('control', 24)),
    resumed: regions.reserve('control', resumedBytes),
  };
}

/** How large the parts of a thread's work must be. */
export interface WorkSizes {
  readonly arenaBytes: number;
  readonly scratchBytes: number;
  readonly buffers: number;
}

export function reserveWork(regions: Regions, spec: JobSpec, sizes: WorkSizes): ThreadWork {
  const { length } = resultLayoutOf(spec.layout, mostStatistics(spec));
  return {
    arena: regions.reserve('activations', sizes.arenaBytes),
    scratch: regions.reserve('kernel scratch', sizes.scratchBytes),
    buffers: Array.from({ length: sizes.buffers }, () => regions.reserve('gradients', length * 4)),
  };
}

/** @param keeps which vectors have a place here; the others' addresses are 0 */
export function reserveState(
  regions: Regions,
  spec: JobSpec,
  what: string,
  keeps: (vector: string) => boolean = () => true,
): StateAddresses {
  const bytes = spec.layout.length * 4;
  return {
    parameters: regions.reserve(what, bytes),
    vectors: runVectors(spec).map((name) => (keeps(name) ? regions.reserve(what, bytes) : 0)),
    groups: runGroups(spec).map(() => regions.reserve(what, 24)),
  };
}

/** The longest list of statistics of all Programs. */
export function mostStatistics({ phases, evaluate }: JobSpec): string[] {
  const lists = [evaluate, ...phases.map(({ program }) => program)].map(({ statistics }) => statistics);
  return lists.reduce((a, b) => (b.length > a.length ? b : a)).map(({ name }) => name);
}

/** Bytes of a copy of the statistics. */
export const partBytes = (statistics: number): number => Math.ceil((statistics * 4) / 64) * 64;

export const bufferAddress = (work: readonly ThreadWork[], { thread, index }: BufferId): number =>
  work[thread]?.buffers[index] as number;

/** `into` += `from`: result vectors. */
export interface FoldAddresses {
  readonly into: number;
  readonly from: number;
}

export const foldAddresses = (work: readonly ThreadWork[], { fold }: WorkPlan): FoldAddresses[] =>
  fold.map(({ into, from }) => ({ into: bufferAddress(work, into), from: bufferAddress(work, from) }));
