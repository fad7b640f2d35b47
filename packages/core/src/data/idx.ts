import { FormatError } from '../errors.ts';

export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Third byte of the magic number; the other types of the format hold no images. */
const unsignedBytes = 0x08;

/**
 * An array of bytes in the IDX format (LeCun, "The MNIST database"): two zero bytes, a type, the number of dimensions, each one as a
 * big-endian u32, and the bytes.
 *
 * @param file named in messages
 * @throws FormatError if it is another format, or shorter or longer than its header says
 */
export function parseIdx(bytes: Uint8Array, dimensions: number, file: string): IdxArray {
  const header = 4 + 4 * dimensions;
  const magic = [0, 0, unsignedBytes, dimensions];
  if (magic.some((byte, i) => bytes[i] !== byte)) {
    const found = Buffer.from(bytes.subarray(0, 4)).toString('hex') || 'nothing';
    throw new FormatError(
      `${file} is not an IDX file of bytes in ${dimensions} dimensions: it starts with ${found}, not ${Buffer.from(magic).toString('hex')}.`,
    );
  }
  if (bytes.length < header) throw new FormatError(`${file} ends within its header of ${header} bytes: get it again.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((n, d) => n * d, 1);
  if (bytes.length - header !== size) {
    throw new FormatError(
      `${file} is damaged: its header says [${shape.join(', ')}], ${size} bytes, but ${bytes.length - header} follow. Get it again.`,
    );
  }
  return { shape, data: bytes.subarray(header) };
}
