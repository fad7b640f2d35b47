import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';

/** Bytes that are no message of their type. A value, since errors thrown while decoding would end as INTERNAL. */
export class Malformed {
  readonly typeName: string;
  readonly cause: unknown;

  constructor(typeName: string, cause: unknown) {
    this.typeName = typeName;
    this.cause = cause;
  }
}

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
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false, recursionLimit });
  } catch (error) {
    return new Malformed(schema.typeName, error);
  }
}

/** Encodes a message into a Buffer over the same memory as protobuf-es' result. */
export function encode<D extends DescMessage>(schema: D, message: MessageShape<D>): Buffer {
  const bytes = toBinary(schema, message, { writeUnknownFields: false });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
