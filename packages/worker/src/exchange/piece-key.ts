import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Range, Slice } from '../gen/lockstep/v1/training_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';

/** A piece as the board files it. */
export interface PieceKey {
  /** Equal for equal pieces; slices of one node share it. */
  readonly text: string;
  /** The item that the piece belongs to; undefined for the job, which belongs to all. */
  readonly item: number | undefined;
  /** The part that is asked for; undefined = all of it. */
  readonly slice: { readonly from: number; readonly to: number } | undefined;
}

const invalid = (what: string) => new StatusError(status.INVALID_ARGUMENT, what);

function rangeText(range: Range | undefined): string {
  if (!range || range.lo >= range.hi) throw invalid('a piece names an empty range of shards');
  return `${range.lo}-${range.hi}`;
}

function checkSlice(slice: Slice | undefined): PieceKey['slice'] {
  if (!slice) return undefined;
  if (slice.from >= slice.to) throw invalid('a piece names an empty slice');
  return { from: slice.from, to: slice.to };
}

/** @throws StatusError INVALID_ARGUMENT where the piece names nothing */
export function pieceKey(piece: Piece | undefined): PieceKey {
  const named = piece?.piece;
  switch (named?.case) {
    case 'job':
      return { text: 'job', item: undefined, slice: undefined };
    case 'state':
    case 'parameters':
      return { text: `${named.case} ${named.value.item}`, item: named.value.item, slice: undefined };
    case 'batch': {
      const { item, step, test, range, localStep } = named.value;
      return { text: `batch ${item} ${step} ${test} ${rangeText(range)} ${localStep}`, item, slice: undefined };
    }
    case 'node': {
      const { item, range, slice } = named.value;
      return { text: `node ${item} ${rangeText(range)}`, item, slice: checkSlice(slice) };
    }
    case 'reduced': {
      const { item, slice } = named.value;
      const part = checkSlice(slice);
      return { text: `reduced ${item} ${part?.from}-${part?.to}`, item, slice: undefined };
    }
    case 'outputs': {
      const { item, range } = named.value;
      return { text: `outputs ${item} ${rangeText(range)}`, item, slice: undefined };
    }
    case 'way': {
      const { item, replica } = named.value;
      return { text: `way ${item} ${replica}`, item, slice: undefined };
    }
    default:
      throw invalid('a piece names nothing');
  }
}
