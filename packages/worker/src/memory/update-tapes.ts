import { type JobSpec, type TapeWriter, writeHyper } from '@lockstep/core/internal';
import type { TapeRange, UpdateTapes } from '../thread-script.ts';
import { blocksIn, sliceOf } from './block-slices.ts';
import { countPieces, parameterPieces, penaltyPieces } from './pieces.ts';
import type { FoldAddresses, SharedPlaces, ThreadPlaces } from './places.ts';
import { keepUnit } from './progress.ts';
import type { Regions } from './regions.ts';
import { runGroups } from './run-state.ts';
import type { Slot } from './slot.ts';
import { combineHashes, copyWords, foldSlice, foldStatistics, hashSlice, updateSlice } from './tapes.ts';

/** Puts a tape somewhere in memory. */
export type PlaceTape = (write: (tape: TapeWriter) => void) => TapeRange;

/** What the update of a phase starts from. */
export interface UpdateSource {
  readonly phase: number;
  /** Additions that make the root of the tree, done slice by slice. */
  readonly fold: readonly FoldAddresses[];
  /** Leading elements that the additions round to bfloat16. */
  readonly rounded: number;
  /** Gradient sums, then statistics. */
  readonly root: number;
  /** A vector like the root that is copied there first, and stays as it is; 0 = the root is filled already. */
  readonly from: number;
}

/** Writes what is done after shards are computed: the last additions, the decision, the optimizer, the answer. */
export class UpdateCompiler {
  readonly #spec: JobSpec;
  readonly #place: PlaceTape;
  readonly #pieces: ReturnType<typeof updatePieces>;

  constructor(spec: JobSpec, place: PlaceTape) {
    this.#spec = spec;
    this.#place = place;
    this.#pieces = updatePieces(spec);
  }

  tapes(thread: number, source: UpdateSource, shared: SharedPlaces): UpdateTapes {
    const { squares, slots, threads } = shared;
    const { phase, root, from } = source;
    const { layout, phases } = this.#spec;
    const own = threads[thread] as ThreadPlaces;
    const statistics = phases[phase]?.program.statistics.length ?? 0;
    const slice = sliceOf(layout.length, thread, threads.length);
    return {
      fold: this.#place((tape) => {
        foldStatistics(tape, own, { root: from || root, fold: source.fold }, layout.length, statistics);
        foldSlice(tape, slice, layout.trained, shared, {
          fold: source.fold,
          rounded: source.rounded,
          root,
          from,
          weight: own.sums + 4,
          penaltyPieces: this.#pieces.penalties[phase] ?? [],
          penaltyValues: shared.penalties[phase] as number,
          watched: this.#pieces.watched,
        });
      }),
      decide: this.#place((tape) => {
        const clip = { f32: phases[phase]?.clipNorm ?? 0 };
        tape.kernel('decide', own.record, own.sums, squares, blocksIn(layout.trained), clip);
      }),
      update: this.#place((tape) => updateSlice(tape, slice, this.#spec, phase, shared, own, root)),
      report: slots.map((slot) =>
        this.#place((tape) => {
          if (thread === 0) this.#writeReport(tape, phase, statistics, own, slot, shared);
        }),
      ),
    };
  }

  /** By slot. */
  digest(thread: number, { slots, hashes }: SharedPlaces): TapeRange[] {
    return slots.map((slot) =>
      this.#place((tape) => {
        if (thread === 0) combineHashes(tape, hashes, blocksIn(this.#spec.layout.length), slot.digest);
      }),
    );
  }

  /** By phase and slot. */
  hyper(thread: number, shared: SharedPlaces): TapeRange[][] {
    return this.#spec.phases.map((_, phase) =>
      shared.slots.map((slot) => this.#place((tape) => this.#writeHyper(tape, phase, thread, slot, shared))),
    );
  }

  /** What has to be known about a state before its first update: the thread's own copy of the groups, and the hashes. */
  firstHash(thread: number, { threads, state, hashes }: SharedPlaces): TapeRange {
    const own = threads[thread] as ThreadPlaces;
    return this.#place((tape) => {
      own.groups.forEach((group, g) => {
        copyWords(tape, group, state.groups[g] as number, 6);
      });
      hashSlice(tape, sliceOf(this.#spec.layout.length, thread, threads.length), state.parameters, hashes);
    });
  }

  #writeReport(
    tape: TapeWriter,
    phase: number,
    statistics: number,
    own: ThreadPlaces,
    slot: Slot,
    shared: SharedPlaces,
  ): void {
    copyWords(tape, slot.statistics, own.sums, statistics);
    copyWords(tape, slot.record, own.record, 4);
    const penalties = this.#pieces.penalties[phase]?.length ?? 0;
    if (penalties > 0) tape.kernel('treeSumDoubles', slot.penalty, shared.penalties[phase] as number, penalties);
    this.#pieces.watched.forEach(({ pieces }, i) => {
      const from = shared.watched + (pieces[0]?.index ?? 0) * 8;
      if (pieces.length > 0) tape.kernel('treeSumDoubles', slot.gradientSquares + i * 8, from, pieces.length);
    });
  }

  #writeHyper(tape: TapeWriter, phase: number, thread: number, slot: Slot, shared: SharedPlaces): void {
    const own = shared.threads[thread] as ThreadPlaces;
    const kept = own.groups.map((at, g) => ({ at, copy: own.groupsBefore[g] as number }));
    keepUnit(tape, own, 6, kept);
    runGroups(this.#spec).forEach((group, g) => {
      if (group.phase !== phase) return;
      writeHyper(tape, group.optimizer, group.group, {
        block: own.hyper[g] as number,
        state: own.groups[g] as number,
        constants: shared.groupConstants[g] as number,
        rate: slot.learningRates + g * 8,
        record: own.record,
      });
    });
  }
}

/** What is summed piece by piece: the penalties of each phase, and the gradients that are watched. */
function updatePieces(spec: JobSpec) {
  return {
    penalties: spec.phases.map(({ penalties }) => penaltyPieces(spec, penalties)),
    watched: spec.watchEvery > 0 ? parameterPieces(spec) : [],
  };
}

/** Places of the sums that a decision and an answer are made of. */
export function reserveSums(regions: Regions, spec: JobSpec) {
  const { penalties, watched } = updatePieces(spec);
  const doubles = (count: number) => regions.reserve('norms and hashes', count * 8);
  return {
    squares: doubles(blocksIn(spec.layout.trained)),
    hashes: regions.reserve('norms and hashes', blocksIn(spec.layout.length) * 16 * 2 + 64),
    penalties: penalties.map((pieces) => doubles(pieces.length)),
    watched: doubles(countPieces(watched)),
  };
}
