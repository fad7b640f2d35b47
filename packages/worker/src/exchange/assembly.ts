import type { Chunk, Encoding } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { checkPlace } from './chunks.ts';
import type { Sink } from './sink.ts';

/** Separate parts of a piece at a time; several channels that take turns make a few. */
const maxParts = 1024;

/** Puts the chunks of a piece together, from one stream or from several at a time; each byte is written once. */
export class Assembly {
  readonly #sink: Sink;
  #opened: { readonly total: number; readonly encoding: Encoding } | undefined;
  /** Written parts, ascending, neither overlapping nor touching. */
  #parts: { from: number; to: number }[] = [];

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Bytes from the start without a gap: where a broken stream goes on. */
  get prefix(): number {
    const first = this.#parts[0];
    return first?.from === 0 ? first.to : 0;
  }

  get received(): number {
    return this.#parts.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  get complete(): boolean {
    return this.#opened !== undefined && this.received === this.#opened.total;
  }

  /** Takes a chunk; one that is here already changes nothing. @throws StatusError where it does not fit */
  accept(chunk: Chunk): void {
    checkPlace(chunk);
    if (this.#opened === undefined) {
      this.#sink.open(chunk.total, chunk.encoding);
      this.#opened = { total: chunk.total, encoding: chunk.encoding };
    }
    if (chunk.total !== this.#opened.total || chunk.encoding !== this.#opened.encoding)
      throw new StatusError(status.INVALID_ARGUMENT, 'chunks of one piece disagree about it');
    const [from, to] = [chunk.offset, chunk.offset + chunk.data.length];
    const overlapping = this.#parts.filter((part) => part.from < to && part.to > from);
    if (overlapping.some((part) => part.from <= from && part.to >= to)) return;
    if (overlapping.length > 0) throw new StatusError(status.INVALID_ARGUMENT, 'chunks overlap in part');
    if (this.#parts.length >= maxParts)
      throw new StatusError(status.INVALID_ARGUMENT, 'a piece comes in too many parts');
    this.#sink.write(from, chunk.data);
    this.#add(from, to);
  }

  #add(from: number, to: number): void {
    const touching = this.#parts.filter((part) => part.from === to || part.to === from);
    const rest = this.#parts.filter((part) => !touching.includes(part));
    const joined = {
      from: Math.min(from, ...touching.map((part) => part.from)),
      to: Math.max(to, ...touching.map((part) => part.to)),
    };
    this.#parts = [...rest, joined].sort((a, b) => a.from - b.from);
  }
}
