import { hyperConstants, type JobSpec, resultLayoutOf, TapeWriter } from '@lockstep/core/internal';
import { controlBytes } from '../control-block.ts';
import { parameterPieces } from '../memory/pieces.ts';
import { mostStatistics, reserveState, reserveThread, type SharedPlaces, type ThreadPlaces } from '../memory/places.ts';
import { Regions } from '../memory/regions.ts';
import { emaVector, runGroups } from '../memory/run-state.ts';
import { reserveSlot, type Slot } from '../memory/slot.ts';
import { mostStages, stagesDoneWord } from '../memory/stages.ts';
import { reserveSums, UpdateCompiler } from '../memory/update-tapes.ts';
import type { TapeRange, ThreadScript } from '../thread-script.ts';

/** Batches are filled in turn: the next one while one is computed. */
export const batchPlaces = 2;

export interface ReplicaImageOptions {
  readonly threads: number;
  /** Whether it applies updates; if not it keeps neither optimizer vectors nor a reduced vector. */
  readonly updates: boolean;
}

/** What of a replica does not depend on the shards it computes; those are laid out behind it while it runs. */
export interface ReplicaImage extends SharedPlaces {
  readonly bytes: number;
  readonly breakdown: string;
  readonly scripts: readonly ThreadScript[];
  readonly control: number;
  /** Of each thread: the words `ThreadScript.ranges`. */
  readonly ranges: readonly number[];
  /** The words `ThreadScript.stages`. */
  readonly stages: number;
  /** Slot 0 is the ring; the batches of both are filled in turn. */
  readonly slots: readonly Slot[];
  /** Gradient sums and statistics that an update starts from; 0 where there are no updates. */
  readonly reduced: number;
  /** Tapes and constants. */
  readonly contents: readonly { readonly address: number; readonly words: Uint32Array }[];
}

/** What a replica takes at least, in bytes: work on shards comes on top. */
export const replicaBytes = (spec: JobSpec, options: ReplicaImageOptions): number => layOutReplica(spec, options).bytes;

export function layOutReplica(spec: JobSpec, { threads: count, updates }: ReplicaImageOptions): ReplicaImage {
  const regions = new Regions();
  const contents: { address: number; words: Uint32Array }[] = [];
  const put = (what: string, words: Uint32Array): number => {
    const address = regions.reserve(what, words.byteLength);
    if (words.length > 0) contents.push({ address, words });
    return address;
  };
  const placeTape = (write: (tape: TapeWriter) => void): TapeRange => {
    const tape = new TapeWriter();
    write(tape);
    const words = tape.finish();
    const from = put('tapes', words);
    return { from, to: from + words.byteLength };
  };
  const bits = (values: Float64Array | Float32Array) => put('control', new Uint32Array(values.buffer as ArrayBuffer));

  const numbers = Array.from({ length: count }, (_, thread) => thread);
  const statistics = mostStatistics(spec);
  const vectorBytes = resultLayoutOf(spec.layout, statistics).length * 4;
  const penalised = updates && spec.phases.some(({ penalties }) => penalties.length > 0);
  const keeps = (vector: string) => updates || vector === emaVector;
  const control = regions.reserve('control', controlBytes);
  const shared: SharedPlaces = {
    state: reserveState(regions, spec, 'parameters and optimizer state', keeps),
    ...reserveSums(regions, spec),
    slots: Array.from({ length: batchPlaces }, () =>
      reserveSlot(regions, {
        ...spec,
        samples: spec.batch.size,
        groups: runGroups(spec).length,
        statistics: statistics.length,
        watched: spec.watchEvery > 0 ? parameterPieces(spec).length : 0,
      }),
    ),
    threads: numbers.map(() => reserveThread(regions, spec, 1)),
    groupConstants: runGroups(spec).map(({ phase, optimizer, group }) =>
      bits(Float64Array.from(hyperConstants(optimizer, group, spec.phases[phase]?.clipValue))),
    ),
    one: bits(Float32Array.of(1)),
  };
  const ranges = numbers.map(() => regions.reserve('control', (1 + 4 * mostStages) * 4));
  const stages = regions.reserve('control', (stagesDoneWord + 1) * 4);
  const reduced = updates ? regions.reserve('gradients', vectorBytes) : 0;
  // Penalties are added to a copy: what was reduced stays as it is, for whoever asks for it.
  const penalisedCopy = penalised ? regions.reserve('gradients', vectorBytes) : 0;
  const ring = { ...shared, slots: shared.slots.slice(0, 1) };
  const compiler = new UpdateCompiler(spec, placeTape);
  const nothing = { from: 0, to: 0 };
  const sources = spec.phases.map(({ penalties }, phase) =>
    penalties.length > 0
      ? { phase, fold: [], rounded: 0, root: penalisedCopy, from: reduced }
      : { phase, fold: [], rounded: 0, root: reduced, from: 0 },
  );
  const scripts = numbers.map((thread): ThreadScript => {
    const own = shared.threads[thread] as ThreadPlaces;
    return {
      thread,
      threads: count,
      control,
      slots: ring.slots.map(({ header }) => header),
      errorFlag: own.context + 32,
      status: own.record + 12,
      progress: own.progress,
      resumed: own.resumed,
      // Whoever gave the order decides.
      stopAtNonFinite: false,
      train: [],
      evaluate: [],
      updates: updates ? sources.map((source) => compiler.tapes(thread, source, ring)) : [],
      ranges: ranges[thread] as number,
      stages,
      hyper: updates ? compiler.hyper(thread, ring) : [],
      snapshot: nothing,
      firstHash: compiler.firstHash(thread, ring),
      digest: compiler.digest(thread, ring),
    };
  });
  return {
    ...shared,
    bytes: regions.bytes,
    breakdown: regions.breakdown(),
    scripts,
    control,
    ranges,
    stages,
    reduced,
    contents,
  };
}
