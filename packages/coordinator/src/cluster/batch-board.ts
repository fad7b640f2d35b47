import type { FieldSpec, JobHost, JobSpec } from '@lockstep/core/internal';
import { type Board, encodeBatch, type FieldArrays, type PieceSource, pieces, shardsOf } from '@lockstep/worker';
import { Encoding, type Piece } from '@lockstep/worker/messages';

/** Which samples an item is about. */
export interface BatchRequest {
  readonly item: number;
  readonly step: number;
  readonly test: boolean;
  readonly samples: readonly number[];
  /** Step of a local round. */
  readonly localStep?: number;
}

const keyOf = ({ item, localStep = 0 }: BatchRequest): string => `${item} ${localStep}`;

const arrayTypes = { f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;

const elementsOf = ({ shape }: FieldSpec): number => shape.reduce((n, d) => n * d, 1);

/** Reads batches from the job's data, a little ahead, and puts the samples of each worker's shards where it can fetch them. */
export class BatchBoard {
  readonly #spec: JobSpec;
  readonly #host: JobHost;
  readonly #board: Board;
  readonly #batches = new Map<string, Promise<FieldArrays>>();
  /** What is up, by the item that it was offered for. */
  readonly #offered = new Map<number, Piece[]>();
  /** Streams are read in order: one batch after the other. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(spec: JobSpec, host: JobHost, board: Board) {
    this.#spec = spec;
    this.#host = host;
    this.#board = board;
  }

  /** Whole batch, read once. */
  read(request: BatchRequest): Promise<FieldArrays> {
    const key = keyOf(request);
    const known = this.#batches.get(key);
    if (known) return known;
    const batch = this.#reading.then(() => this.#fill(request));
    this.#reading = batch.catch(() => undefined);
    batch.catch(() => undefined);
    this.#batches.set(key, batch);
    return batch;
  }

  /** Puts the samples of some shards up, once they are read. @param as the item and local step under which they are asked for */
  async offer(
    request: BatchRequest,
    ranges: readonly { readonly lo: number; readonly hi: number }[],
    as: Pick<BatchRequest, 'item' | 'localStep'> = request,
  ): Promise<void> {
    const arrays = await this.read(request);
    const { step, test, samples } = request;
    const { item, localStep = 0 } = as;
    const shards = shardsOf(samples.length, this.#spec.batch.shards);
    for (const range of ranges) {
      if (range.lo >= range.hi) continue;
      const [from, to] = [shards[range.lo]?.from ?? 0, shards[range.hi - 1]?.to ?? 0];
      if (from === to) continue;
      const piece = pieces.batch({ item, step, test, range, localStep });
      this.#board.publish(
        piece,
        encodedWhenAsked(() => this.#encode(arrays, from, to)),
      );
      this.#offered.set(item, [...(this.#offered.get(item) ?? []), piece]);
    }
  }

  /** What was offered for an item is not needed any more. */
  withdraw(item: number): void {
    for (const piece of this.#offered.get(item) ?? []) this.#board.withdraw(piece);
    this.#offered.delete(item);
  }

  forget(request: BatchRequest): void {
    this.#batches.delete(keyOf(request));
  }

  /** Batches of items before this one are not needed any more. */
  release(item: number): void {
    for (const key of this.#batches.keys()) if (Number.parseInt(key, 10) < item) this.#batches.delete(key);
    for (const offered of this.#offered.keys()) if (offered < item) this.#offered.delete(offered);
  }

  async #fill({ test, samples }: BatchRequest): Promise<FieldArrays> {
    const arrays = Object.fromEntries(
      this.#spec.fields.map((field) => {
        const Type = arrayTypes[field.dtype];
        const elements = samples.length * elementsOf(field);
        // Shared memory: the job's closures may write from another thread.
        const buffer = new SharedArrayBuffer(elements * Type.BYTES_PER_ELEMENT) as unknown as ArrayBuffer;
        return [field.name, new Type(buffer)];
      }),
    );
    await this.#host.fill(test ? 'test' : 'train', samples, arrays);
    return arrays;
  }

  #encode(arrays: FieldArrays, from: number, to: number): Uint8Array {
    const rows = Object.fromEntries(
      this.#spec.fields.map((field) => {
        const size = elementsOf(field);
        return [field.name, (arrays[field.name] as Float32Array).subarray(from * size, to * size)];
      }),
    );
    return encodeBatch(this.#spec.fields, to - from, rows);
  }
}

/** Workers that read the data themselves never ask. */
function encodedWhenAsked(encode: () => Uint8Array): PieceSource {
  let encoded: Uint8Array | undefined;
  const bytes = () => {
    encoded ??= encode();
    return encoded;
  };
  return {
    encoding: Encoding.MSGPACK,
    get bytes() {
      return bytes().length;
    },
    read: (from, to) => bytes().subarray(from, to),
    slice: () => {
      throw new Error('a batch has no slices');
    },
    bytesBefore: (elements) => elements,
  };
}
