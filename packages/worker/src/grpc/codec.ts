import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { isSealed, seal, unseal } from './seal.ts';

/** Bytes that are no message of their type. A value, since errors thrown while decoding would end as INTERNAL. */
export class Malformed {
  readonly typeName: string;
  /** Whether it was not even looked at. */
  readonly tooLong: boolean;
  /** Whether its checksum says that it was another message when it left. */
  readonly damaged: boolean;

  constructor(typeName: string, { tooLong = false, damaged = false } = {}) {
    this.typeName = typeName;
    this.tooLong = tooLong;
    this.damaged = damaged;
  }
}

/**
 * Bytes of messages that have no reason to be as long as others: two bytes of a list can become an object of a hundred, so what many may send is
 * kept short.
 */
const longest = new Map<string, number>([
  // The state of a worker's nodes, or the gradients of its layers: some 10 000 numbers.
  ['lockstep.v1.FromWorker', 512 * 1024],
  ['lockstep.v1.PullRequest', 4096],
]);

/** Nesting of our messages is at most 5; unknown groups count as well. */
const deepest = 16;

/**
 * Decodes untrusted bytes. Unknown fields are skipped, never kept: a message of a million of them would take 100 MB.
 * `bytes` fields are views of `bytes`, not copies.
 */
export function decode<D extends DescMessage>(
  schema: D,
  bytes: Uint8Array,
  recursionLimit = deepest,
): MessageShape<D> | Malformed {
  if (bytes.length > (longest.get(schema.typeName) ?? Number.POSITIVE_INFINITY))
    return new Malformed(schema.typeName, { tooLong: true });
  const message = isSealed(schema.typeName) ? unseal(bytes) : bytes;
  if (!message) return new Malformed(schema.typeName, { damaged: true });
  try {
    return fromBinary(schema, message, { readUnknownFields: false, recursionLimit });
  } catch {
    return new Malformed(schema.typeName);
  }
}

/** Encodes a message, sealed where its kind is. */
export function encode<D extends DescMessage>(schema: D, message: MessageShape<D>): Buffer {
  const bytes = toBinary(schema, message, { writeUnknownFields: false });
  return isSealed(schema.typeName) ? seal(bytes) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
