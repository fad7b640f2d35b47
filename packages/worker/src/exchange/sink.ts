import { Encoding } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { decodeVector, f32Format, type VectorFormat, vectorBytes } from './vector-format.ts';

/** Where the bytes of a piece go. */
export interface Sink {
  /** Before the first byte: refuses what does not fit, by throwing a StatusError, before memory is taken. */
  open(total: number, encoding: Encoding): void;
  /** Checked bytes, each once. */
  write(offset: number, data: Uint8Array): void;
  /** Elements of a piece of the same process, instead of the bytes that they would travel as. */
  writeValues?(at: number, values: Float32Array): void;
}

/** Elements `from` to `to` of a vector that is there already; the piece must be exactly so long. */
export function vectorSink(vector: Float32Array, format: VectorFormat = f32Format, from = 0, to = vector.length): Sink {
  const expected = format.rounded > 0 ? Encoding.BF16 : Encoding.F32;
  return {
    open(total, encoding) {
      if (encoding !== expected || total !== vectorBytes(format, from, to))
        throw new StatusError(
          status.INVALID_ARGUMENT,
          `a vector of ${to - from} elements was to come, not ${total} bytes in encoding ${encoding}`,
        );
    },
    write: (offset, data) => decodeVector(format, vector, from, offset, data),
    writeValues: (at, values) => vector.set(values, from + at),
  };
}

/** Takes nothing any more once it is not wanted: chunks that had come before a call was cancelled are still delivered. */
export function openWhile(wanted: () => boolean, sink: Sink): Sink {
  const check = () => {
    if (!wanted()) throw new StatusError(status.ABORTED, 'the run has moved on');
  };
  const { writeValues } = sink;
  return {
    open(total, encoding) {
      check();
      sink.open(total, encoding);
    },
    write(offset, data) {
      check();
      sink.write(offset, data);
    },
    ...(writeValues && {
      writeValues(at: number, values: Float32Array) {
        check();
        writeValues(at, values);
      },
    }),
  };
}

/** A new buffer of at most `limit` bytes. */
export class BufferSink implements Sink {
  readonly #limit: number;
  readonly #encodings: readonly Encoding[];
  #buffer: Uint8Array | undefined;

  constructor(limit: number, encodings: readonly Encoding[] = [Encoding.RAW]) {
    this.#limit = limit;
    this.#encodings = encodings;
  }

  open(total: number, encoding: Encoding): void {
    if (total > this.#limit)
      throw new StatusError(status.RESOURCE_EXHAUSTED, `a piece of ${total} bytes is over the limit of ${this.#limit}`);
    if (!this.#encodings.includes(encoding))
      throw new StatusError(status.INVALID_ARGUMENT, `a piece came in encoding ${encoding}`);
    // Of its own, so that arrays over it are aligned.
    this.#buffer = new Uint8Array(total);
  }

  write(offset: number, data: Uint8Array): void {
    this.#buffer?.set(data, offset);
  }

  /** Once the piece is complete. */
  get bytes(): Uint8Array {
    return this.#buffer ?? new Uint8Array();
  }
}
