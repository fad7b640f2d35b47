import { crc32 } from 'node:zlib';

// Messages that steer a run end with a checksum over all their bytes: a bit that flips in a learning rate or an item's number would be a
// well-formed message otherwise. (Chunks have their own; against people there is TLS.)

/** Messages with a field `fixed32 checksum = 15`. */
const sealed = new Set(['lockstep.v1.FromWorker', 'lockstep.v1.FromCoordinator', 'lockstep.v1.PullRequest']);

/** Field 15, four bytes. */
const tag = (15 << 3) | 5;
const sealBytes = 5;

export const isSealed = (typeName: string): boolean => sealed.has(typeName);

/** The message, followed by the field with its checksum. */
export function seal(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(message.length + sealBytes);
  bytes.set(message);
  bytes[message.length] = tag;
  bytes.writeUInt32LE(crc32(message), message.length + 1);
  return bytes;
}

/** What was sealed; undefined where it was changed since. */
export function unseal(bytes: Uint8Array): Uint8Array | undefined {
  const end = bytes.length - sealBytes;
  if (end < 0 || bytes[end] !== tag) return undefined;
  const message = bytes.subarray(0, end);
  const checksum = new DataView(bytes.buffer, bytes.byteOffset + end + 1, 4).getUint32(0, true);
  return crc32(message) === checksum ? message : undefined;
}
