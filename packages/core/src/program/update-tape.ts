import type { OptimizerSpec } from '../optim/optimizer-spec.ts';
import { stateVectors } from '../optim/optimizer-spec.ts';
import type { TapeWriter } from './tape-writer.ts';

/** f32 words of the block that an optimizer's kernel reads (kernels/hyper.ts). */
export const hyperLength = 16;

/** f64 state of a group besides its vectors: updates done, and the powers of its rates, before the first update. */
export const freshGroupState: readonly number[] = [0, 1, 1];

/**
 * f64 constants of a group as the kernel `hyper` reads them.
 *
 * @param clipValue largest magnitude of an element of the mean gradient; null = as it is
 */
export const hyperConstants = (
  spec: OptimizerSpec,
  group: number,
  clipValue: number | null = null,
): readonly number[] => {
  const { rates, options } = spec.groups[group] as OptimizerSpec['groups'][number];
  return [...rates, clipValue ?? Infinity, ...options];
};

/** Byte addresses of what a group's block is made of. */
export interface HyperAddresses {
  readonly block: number;
  readonly state: number;
  readonly constants: number;
  /** f64 learning rate. */
  readonly rate: number;
  /** Of `decide`. */
  readonly record: number;
}

/** The instruction that advances a group's state and writes the block of its next update. */
export function writeHyper(tape: TapeWriter, spec: OptimizerSpec, group: number, at: HyperAddresses): void {
  const count = hyperConstants(spec, group).length;
  tape.kernel('hyper', at.block, at.state, at.constants, count, at.rate, at.record);
}

/** Byte addresses of the flat vectors that an update touches. */
export interface UpdateAddresses {
  readonly weights: number;
  readonly gradients: number;
  /** In the order of `stateVectors`. */
  readonly vectors: readonly number[];
  readonly hyper: number;
}

/** The instruction that updates `size` elements at byte `offset` with the options of a group. */
export function writeUpdate(
  tape: TapeWriter,
  spec: OptimizerSpec,
  at: UpdateAddresses,
  group: number,
  offset: number,
  size: number,
): void {
  const held = stateVectors(spec);
  const vectors = spec.vectors.map((name) =>
    spec.groups[group]?.vectors.includes(name) ? (at.vectors[held.indexOf(name)] as number) + offset : 0,
  );
  tape.kernel(spec.kernel, at.weights + offset, at.gradients + offset, size, at.hyper, ...vectors);
}
