import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Chunk, ChunkSchema, type PushChunk, PushChunkSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import { encode } from './codec.ts';

/** Below, a copy more costs less than the detour. */
const bulkBytes = 4096;

/**
 * A message whose bulk is not copied until grpc-js copies it behind its frame header: all that grpc-js asks of a serialised message is its length
 * and `copy`. protobuf-es would copy the bulk twice before.
 */
class Gathered {
  readonly #parts: readonly Buffer[];
  readonly length: number;

  constructor(parts: readonly Buffer[]) {
    this.#parts = parts;
    this.length = parts.reduce((sum, { length }) => sum + length, 0);
  }

  get byteLength(): number {
    return this.length;
  }

  copy(target: Buffer, at = 0): number {
    let end = at;
    for (const part of this.#parts) end += part.copy(target, end);
    return end - at;
  }
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Tag and length of a field with so many bytes. */
const header = (field: number, bytes: number): Buffer =>
  viewOf(new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(bytes).finish());

/** The parts of a chunk; fields may come in any order, so the bulk comes last. */
function chunkParts({ data, ...rest }: Chunk): Buffer[] {
  const { $typeName: _, $unknown: __, ...fields } = rest;
  const { data: field } = ChunkSchema.field;
  return [encode(ChunkSchema, create(ChunkSchema, fields)), header(field.number, data.length), viewOf(data)];
}

function pushParts({ chunk, ...rest }: PushChunk): Buffer[] {
  const { $typeName: _, $unknown: __, ...fields } = rest;
  const parts = chunkParts(chunk as Chunk);
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return [
    encode(PushChunkSchema, create(PushChunkSchema, fields)),
    header(PushChunkSchema.field.chunk.number, bytes),
    ...parts,
  ];
}

/** Encodes any message; those with much data without copying it. */
export function encodeMessage<D extends DescMessage>(schema: D, message: MessageShape<D>): Buffer {
  const name: string = schema.typeName;
  if (name === ChunkSchema.typeName && (message as unknown as Chunk).data.length >= bulkBytes)
    return new Gathered(chunkParts(message as unknown as Chunk)) as unknown as Buffer;
  const push = message as unknown as PushChunk;
  if (name === PushChunkSchema.typeName && (push.chunk?.data.length ?? 0) >= bulkBytes)
    return new Gathered(pushParts(push)) as unknown as Buffer;
  return encode(schema, message);
}
