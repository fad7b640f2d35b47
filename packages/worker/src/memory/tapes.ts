import { type JobSpec, type OptimizerSpec, type TapeWriter, writeUpdate } from '@lockstep/core/internal';
import { blockElements, blocksOf, type Slice } from './block-slices.ts';
import type { StateAddresses } from './run-image.ts';

// The instructions around the Program: moving, reducing, updating and hashing. All are pure functions of addresses.

export function copyWords(tape: TapeWriter, to: number, from: number, words: number): void {
  if (words === 0) return;
  const strides = [0, 0, 0, 0, 0, 1];
  tape.kernel('stridedCopy', to, from, 1, 1, 1, 1, 1, words, ...strides, ...strides);
}

/** The slice of the reduction: block by block, so that a block stays in cache from the first addition to its squares. */
export function foldSlice(
  tape: TapeWriter,
  slice: Slice,
  fold: readonly { readonly into: number; readonly from: number }[],
  root: number,
  squares: number,
): void {
  for (const { from, to } of blocksOf(slice)) {
    for (const add of fold) {
      const into = add.into + from * 4;
      tape.kernel('addInto', into, into, add.from + from * 4, to - from);
    }
    tape.kernel('blockSumSquares', squares + (from / blockElements) * 8, root + from * 4, to - from);
  }
}

/** Optimizer and hash of a slice, block by block. */
export function updateSlice(
  tape: TapeWriter,
  slice: Slice,
  spec: JobSpec,
  state: StateAddresses,
  gradients: number,
  hyper: readonly number[],
  hashes: number,
): void {
  const ranges = groupRanges(spec);
  for (const block of blocksOf(slice)) {
    for (const { group, from, to } of ranges) {
      const first = Math.max(from, block.from);
      const last = Math.min(to, block.to);
      if (first >= last) continue;
      const at = { weights: state.parameters, gradients, vectors: state.vectors, hyper: hyper[group] as number };
      writeUpdate(tape, spec.optimizer, at, group, first * 4, last - first);
    }
    hashBlock(tape, block, state.parameters, hashes);
  }
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

/** Runs of parameters of one group that lie side by side; the gaps between entries are zero and stay zero. */
function groupRanges({ layout, optimizer }: JobSpec): { group: number; from: number; to: number }[] {
  const groupOf = new Map<string, number>();
  optimizer.groups.forEach(({ parameters }, group) => {
    for (const name of parameters) groupOf.set(name, group);
  });
  const ranges: { group: number; from: number; to: number }[] = [];
  for (const { name, offset, size } of layout.entries) {
    const group = groupOf.get(name) as number;
    const last = ranges.at(-1);
    if (last?.group === group) last.to = offset + size;
    else ranges.push({ group, from: offset, to: offset + size });
  }
  return ranges;
}

/** f64 options of a group as the `hyper` kernels read them. */
export function groupOptions(spec: OptimizerSpec, group: number): number[] {
  if (spec.kind === 'sgd') {
    const { momentum, dampening, weightDecay, nesterov } = spec.groups[group] as (typeof spec.groups)[number];
    return [momentum, dampening, weightDecay, nesterov ? 1 : 0];
  }
  const { beta1, beta2, eps, weightDecay } = spec.groups[group] as (typeof spec.groups)[number];
  return [beta1, beta2, eps, weightDecay, spec.kind === 'adamw' ? 1 : 0];
}
