import { Encoding } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { bytesOf, encodeVector, f32Format, type VectorFormat, vectorBytes } from './vector-format.ts';

/** Bytes that somebody may pull, or that are pushed. */
export interface PieceSource {
  readonly encoding: Encoding;
  readonly bytes: number;
  /** Element of the whole vector that it begins with; default 0. */
  readonly first?: number;
  /** The elements themselves of a vector, for whoever is in the same process. */
  readonly values?: Float32Array;
  /** Bytes `from` to `to`, perhaps a view of memory that changes once the piece is withdrawn. */
  read(from: number, to: number): Uint8Array;
  /** Some elements of a vector as a piece of their own. */
  slice(from: number, to: number): PieceSource;
  /** How many of the bytes are final when the first `elements` of the vector are. */
  bytesBefore(elements: number): number;
}

/** Bytes as they are: the job, batches in msgpack, compressed vectors. */
export function bytesSource(bytes: Uint8Array, encoding: Encoding = Encoding.RAW): PieceSource {
  return {
    encoding,
    bytes: bytes.length,
    read: (from, to) => bytes.subarray(from, to),
    slice: () => {
      throw new StatusError(status.INVALID_ARGUMENT, 'only vectors have slices');
    },
    bytesBefore: (elements) => elements,
  };
}

/** A vector, or elements `from` to `to` of it. Encoded chunk by chunk, as they are read. */
export function vectorSource(
  vector: Float32Array,
  format: VectorFormat = f32Format,
  from = 0,
  to = vector.length,
): PieceSource {
  return {
    encoding: format.rounded > 0 ? Encoding.BF16 : Encoding.F32,
    bytes: vectorBytes(format, from, to),
    first: from,
    values: vector.subarray(from, to),
    read: (start, end) => encodeVector(format, vector, from, start, end),
    slice: (a, b) => {
      if (b > vector.length)
        throw new StatusError(status.OUT_OF_RANGE, `a slice up to ${b} of a vector of ${vector.length} elements`);
      return vectorSource(vector, format, a, b);
    },
    bytesBefore: (elements) => vectorBytes(format, from, Math.min(Math.max(elements, from), to)),
  };
}

/** Little-endian bytes of an array of any type. */
export const arraySource = (array: ArrayBufferView): PieceSource => bytesSource(bytesOf(array));
