import type { PieceSource } from '../exchange/piece-source.ts';
import type { Sink } from '../exchange/sink.ts';
import { bytesOf } from '../exchange/vector-format.ts';
import { Encoding } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import type { StateView } from '../memory/state-view.ts';

/** Everything that a member must hold: parameters, vectors in the order of the job, groups; little-endian. */
export const stateParts = ({ parameters, vectors, groups }: StateView): Uint8Array[] =>
  [parameters, ...Object.values(vectors), ...groups].map(bytesOf);

const lengthOf = (parts: readonly Uint8Array[]): number => parts.reduce((n, { length }) => n + length, 0);

/** Calls `visit` for each part of bytes `from` to `to`: the part's own bytes, and where they lie among those asked for. */
function visitParts(
  parts: readonly Uint8Array[],
  from: number,
  to: number,
  visit: (own: Uint8Array, at: number) => void,
): void {
  let start = 0;
  for (const part of parts) {
    const [a, b] = [Math.max(from, start), Math.min(to, start + part.length)];
    if (a < b) visit(part.subarray(a - start, b - start), a - from);
    start += part.length;
  }
}

/** Several arrays as one piece, read where they lie. */
export function compoundSource(parts: readonly Uint8Array[]): PieceSource {
  return {
    encoding: Encoding.RAW,
    bytes: lengthOf(parts),
    read(from, to) {
      const bytes = new Uint8Array(to - from);
      visitParts(parts, from, to, (own, at) => bytes.set(own, at));
      return bytes;
    },
    slice: () => {
      throw new StatusError(status.INVALID_ARGUMENT, 'only vectors have slices');
    },
    bytesBefore: (elements) => elements,
  };
}

/** Several arrays that are filled by one piece; it must be exactly so long. */
export function compoundSink(parts: readonly Uint8Array[]): Sink {
  return {
    open(total, encoding) {
      if (encoding !== Encoding.RAW || total !== lengthOf(parts))
        throw new StatusError(status.INVALID_ARGUMENT, `a state of ${lengthOf(parts)} bytes was to come, not ${total}`);
    },
    write: (offset, data) =>
      visitParts(parts, offset, offset + data.length, (own, at) => own.set(data.subarray(at, at + own.length))),
  };
}
