import {
  blockElements,
  type JobSpec,
  type OptimizerSpec,
  stateVectors,
  type TapeWriter,
  writeUpdate,
} from '@lockstep/core/internal';
import { blocksOf, type Slice } from './block-slices.ts';
import type { PenaltyPiece, PiecewiseParameter } from './pieces.ts';
import { type FoldAddresses, partBytes, type SharedPlaces, type ThreadPlaces } from './places.ts';
import { UnitMarks } from './progress.ts';
import { writeSum } from './rounding.ts';
import { emaVector, runGroups, runVectors } from './run-state.ts';

// The instructions around the Program: moving, reducing, updating and hashing. All are pure functions of addresses.

export function copyWords(tape: TapeWriter, to: number, from: number, words: number): void {
  if (words === 0) return;
  const strides = [0, 0, 0, 0, 0, 1];
  tape.kernel('stridedCopy', to, from, 1, 1, 1, 1, 1, words, ...strides, ...strides);
}

/**
 * The thread's own sums of the statistics that lie at `element` of each result vector. Nobody changes the vectors' own, so all threads can
 * do it at once.
 */
export function foldStatistics(
  tape: TapeWriter,
  own: Pick<ThreadPlaces, 'sums'>,
  { root, fold }: Pick<FoldParts, 'root' | 'fold'>,
  element: number,
  count: number,
): void {
  const copies = new Map<number, number>();
  const copyOf = (buffer: number): number => {
    const known = copies.get(buffer);
    if (known !== undefined) return known;
    const copy = own.sums + copies.size * partBytes(count);
    copies.set(buffer, copy);
    copyWords(tape, copy, buffer + element * 4, count);
    return copy;
  };
  copyOf(root);
  for (const { into, from } of fold) {
    const target = copyOf(into);
    tape.kernel('addInto', target, target, copyOf(from), count);
  }
}

export interface FoldParts {
  readonly fold: readonly FoldAddresses[];
  /** Leading elements that are rounded to bfloat16. */
  readonly rounded: number;
  readonly root: number;
  /** Copied to the root first; 0 = nothing. */
  readonly from: number;
  /** Where the total weight of the loss lies. */
  readonly weight: number;
  readonly penaltyPieces: readonly PenaltyPiece[];
  readonly penaltyValues: number;
  readonly watched: readonly PiecewiseParameter[];
}

/** The slice of the reduction: block by block, so that a block stays in cache from the first addition to its squares. */
export function foldSlice(
  tape: TapeWriter,
  slice: Slice,
  trained: number,
  shared: Pick<SharedPlaces, 'squares' | 'watched' | 'state'>,
  parts: FoldParts,
): void {
  const { root } = parts;
  for (const block of blocksOf(slice)) {
    const { from, to } = block;
    if (parts.from !== 0) copyWords(tape, root + from * 4, parts.from + from * 4, to - from);
    for (const add of parts.fold) writeSum(tape, add.into, add.from, block, parts.rounded);
    if (from >= trained) continue;
    for (const { index, l1, l2, ...piece } of within(block, parts.penaltyPieces)) {
      const at = piece.from * 4;
      const elements = piece.to - piece.from;
      const value = parts.penaltyValues + index * 8;
      const weights = shared.state.parameters + at;
      tape.kernel('penalise', value, root + at, weights, elements, { f32: l1 }, { f32: l2 }, parts.weight);
    }
    tape.kernel('blockSumSquares', shared.squares + (from / blockElements) * 8, root + from * 4, to - from);
    for (const piece of parts.watched.flatMap(({ pieces }) => within(block, pieces))) {
      const value = shared.watched + piece.index * 8;
      tape.kernel('blockSumSquares', value, root + piece.from * 4, piece.to - piece.from);
    }
  }
}

const within = <P extends Slice>(block: Slice, pieces: readonly P[]): P[] =>
  pieces.filter(({ from, to }) => from >= block.from && to <= block.to);

/** Optimizer, buffers, moving average and hash of a slice, block by block. Each change is a unit that another thread can finish. */
export function updateSlice(
  tape: TapeWriter,
  slice: Slice,
  spec: JobSpec,
  phase: number,
  shared: Pick<SharedPlaces, 'state' | 'hashes' | 'one'>,
  own: Pick<ThreadPlaces, 'hyper' | 'sums' | 'progress' | 'resumed'>,
  gradients: number,
): void {
  const { state, hashes } = shared;
  const ranges = changedRanges(spec, phase);
  const units = new UnitMarks(tape, own);
  for (const block of blocksOf(slice)) {
    let changed = false;
    for (const range of ranges) {
      const first = Math.max(range.from, block.from);
      const elements = Math.min(range.to, block.to) - first;
      if (elements <= 0) continue;
      changed = true;
      const at = first * 4;
      units.next(elements);
      if (range.kind === 'group') {
        const { optimizer, group } = runGroups(spec)[range.group] as ReturnType<typeof runGroups>[number];
        const vectors = vectorsOf(spec, optimizer, state.vectors);
        const hyper = own.hyper[range.group] as number;
        const addresses = { weights: state.parameters, gradients, vectors, hyper };
        writeUpdate(tape, optimizer, addresses, group, at, elements);
      } else {
        const weight = own.sums + range.weight * 4;
        const target = state.parameters + at;
        movingAverage(tape, target, gradients + at, elements, 1 - range.momentum, range.momentum, weight);
      }
      const average = state.vectors[runVectors(spec).indexOf(emaVector)];
      if (spec.ema !== null && average !== undefined) {
        // Buffers are averages already: the newest is copied.
        const keep = range.kind === 'group' ? spec.ema : 0;
        units.next(elements);
        movingAverage(tape, average + at, state.parameters + at, elements, keep, 1 - keep, shared.one);
      }
    }
    // The hash of what does not change is there.
    if (changed) hashBlock(tape, block, state.parameters, hashes);
  }
}

function movingAverage(
  tape: TapeWriter,
  out: number,
  x: number,
  elements: number,
  keep: number,
  fresh: number,
  weight: number,
): void {
  tape.kernel('movingAverage', out, x, elements, { f32: keep }, { f32: fresh }, weight);
}

function vectorsOf(spec: JobSpec, optimizer: OptimizerSpec, addresses: readonly number[]): number[] {
  const names = runVectors(spec);
  return stateVectors(optimizer).map((name) => addresses[names.indexOf(name)] as number);
}

export function hashSlice(tape: TapeWriter, slice: Slice, parameters: number, hashes: number): void {
  for (const block of blocksOf(slice)) hashBlock(tape, block, parameters, hashes);
}

function hashBlock(tape: TapeWriter, { from, to }: Slice, parameters: number, hashes: number): void {
  tape.kernel('hashBlocks', hashes + (from / blockElements) * 16, parameters + from * 4, (to - from) * 4);
}

/** Hash of the blocks' hashes, until one is left. Levels lie one behind the other. */
export function combineHashes(tape: TapeWriter, hashes: number, blocks: number, into: number): void {
  let from = hashes;
  let count = blocks;
  while (count > 1024) {
    const next = from + count * 16;
    tape.kernel('hashBlocks', next, from, count * 16);
    from = next;
    count = Math.ceil(count / 1024);
  }
  tape.kernel('hashBlocks', into, from, count * 16);
}

type Range = Slice &
  (
    | { readonly kind: 'group'; readonly group: number }
    | { readonly kind: 'buffer'; readonly momentum: number; readonly weight: number }
  );

/** What a phase changes. Parameters of one group that lie side by side are one range; the gaps between entries are zero and stay zero. */
function changedRanges(spec: JobSpec, phase: number): Range[] {
  const groupOf = new Map<string, number>();
  runGroups(spec).forEach(({ phase: owner, optimizer, group }, index) => {
    if (owner !== phase) return;
    for (const name of (optimizer.groups[group] as { parameters: readonly string[] }).parameters)
      groupOf.set(name, index);
  });
  const buffers = new Map(spec.phases[phase]?.buffers.map((buffer) => [buffer.name, buffer]));
  const ranges: Range[] = [];
  for (const { name, offset, size } of spec.layout.entries) {
    const last = ranges.at(-1);
    const group = groupOf.get(name);
    const buffer = buffers.get(name);
    const at = { from: offset, to: offset + size };
    if (buffer) ranges.push({ kind: 'buffer', ...at, momentum: buffer.momentum, weight: buffer.weight });
    if (group === undefined) continue;
    const beside = last?.kind === 'group' && last.group === group && Math.ceil(last.to / 16) * 16 === offset;
    if (beside) ranges[ranges.length - 1] = { ...last, to: at.to };
    else ranges.push({ kind: 'group', group, ...at });
  }
  return ranges;
}
