import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';

/** Bytes that are no message of their type. A value, since errors thrown while decoding would end as INTERNAL. */
export class Malformed {
  readonly typeName: string;
  /** Whether it was not even looked at. */
  readonly tooLong: boolean;

  constructor(typeName: string, tooLong = false) {
    this.typeName = typeName;
    this.tooLong = tooLong;
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
    return new Malformed(schema.typeName, true);
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false, recursionLimit });
  } catch {
    return new Malformed(schema.typeName);
  }
}

/** Encodes a message into a Buffer over the same memory as protobuf-es' result. */
export function encode<D extends DescMessage>(schema: D, message: MessageShape<D>): Buffer {
  const bytes = toBinary(schema, message, { writeUnknownFields: false });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
