import { blockElements, type JobSpec, type PenaltySpec } from '@lockstep/core/internal';
import type { Slice } from './block-slices.ts';

/** A part of a parameter that lies within one block, so that one thread owns all of it. `index` counts through all pieces. */
export interface Piece extends Slice {
  readonly index: number;
}

/** All pieces of one parameter. */
export interface PiecewiseParameter {
  readonly name: string;
  readonly pieces: readonly Piece[];
}

function cut(from: number, to: number, firstIndex: number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / blockElements) + 1) * blockElements);
    pieces.push({ from: at, to: end, index: firstIndex + pieces.length });
    at = end;
  }
  return pieces;
}

/** Every trained parameter in pieces, in layout order: norms are sums over them, in a fixed order. */
export function parameterPieces({ layout }: Pick<JobSpec, 'layout'>): PiecewiseParameter[] {
  let index = 0;
  return layout.entries
    .filter(({ offset }) => offset < layout.trained)
    .map(({ name, offset, size }) => {
      const pieces = cut(offset, offset + size, index);
      index += pieces.length;
      return { name, pieces };
    });
}

export interface PenaltyPiece extends Piece {
  readonly l1: number;
  readonly l2: number;
}

/** What the penalties of a phase are over. Several on one parameter follow each other. */
export function penaltyPieces({ layout }: Pick<JobSpec, 'layout'>, penalties: readonly PenaltySpec[]): PenaltyPiece[] {
  const all: PenaltyPiece[] = [];
  for (const { parameters, l1, l2 } of penalties) {
    const names = new Set(parameters);
    for (const { name, offset, size } of layout.entries) {
      if (names.has(name)) all.push(...cut(offset, offset + size, all.length).map((piece) => ({ ...piece, l1, l2 })));
    }
  }
  return all;
}

export const countPieces = (parameters: readonly PiecewiseParameter[]): number =>
  parameters.reduce((n, { pieces }) => n + pieces.length, 0);
