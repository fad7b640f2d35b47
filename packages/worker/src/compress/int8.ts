import { blockElements, FormatError } from '@lockstep/core/internal';

// Format: one f32 scale for each block of 4096 elements, then one i8 an element.

const blocksOf = (length: number): number => Math.ceil(length / blockElements);

/** Each element as a whole multiple, from -127 to 127, of its block's largest magnitude over 127. */
export function encodeInt8(vector: Float32Array): Uint8Array {
  const blocks = blocksOf(vector.length);
  const bytes = new Uint8Array(blocks * 4 + vector.length);
  const scales = new Float32Array(bytes.buffer, 0, blocks);
  const levels = new Int8Array(bytes.buffer, blocks * 4);
  for (let block = 0; block < blocks; block++) {
    const part = vector.subarray(block * blockElements, (block + 1) * blockElements);
    let most = 0;
    for (const value of part) most = Math.max(most, Math.abs(value));
    const scale = Math.fround(most / 127);
    scales[block] = scale;
    if (scale === 0) continue;
    for (let i = 0; i < part.length; i++) levels[block * blockElements + i] = nearest((part[i] as number) / scale);
  }
  return bytes;
}

/** To the nearest whole number within -127..127, halves away from zero. */
const nearest = (x: number): number => Math.max(-127, Math.min(127, Math.sign(x) * Math.floor(Math.abs(x) + 0.5)));

/** @throws FormatError where the message is not of this length */
export function decodeInt8(bytes: Uint8Array, length: number): Float32Array {
  const blocks = blocksOf(length);
  if (bytes.length !== blocks * 4 + length)
    throw new FormatError(`An int8 message of ${bytes.length} bytes does not fit ${length} elements.`);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vector = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const scale = words.getFloat32(Math.floor(i / blockElements) * 4, true);
    vector[i] = words.getInt8(blocks * 4 + i) * scale;
  }
  return vector;
}
