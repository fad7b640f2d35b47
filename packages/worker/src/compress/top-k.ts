import { blockElements, FormatError } from '@lockstep/core/internal';

// Format: for each block of 4096 elements a u16 count, so many u16 places (ascending), so many f32 values; all little-endian, counts and
// places first for all blocks, values (aligned) behind them.

/** How many elements of a block are kept. */
const keptOf = (elements: number, fraction: number): number =>
  Math.min(elements, Math.max(1, Math.floor(elements * fraction)));

const blocksOf = (length: number): number => Math.ceil(length / blockElements);

/**
 * The largest elements of each block by magnitude; of equal ones the first. Blocks are looked at by themselves, so that memory and time
 * stay linear (Lin et al. 2018, "Deep Gradient Compression", choose over a whole layer).
 *
 * @param fraction of the elements, above 0, at most 1
 */
export function encodeTopK(vector: Float32Array, fraction: number): Uint8Array {
  const kept: number[] = [];
  for (let block = 0; block < blocksOf(vector.length); block++) {
    kept.push(keptOf(Math.min(blockElements, vector.length - block * blockElements), fraction));
  }
  const total = kept.reduce((a, b) => a + b, 0);
  const places = new Uint16Array(kept.length + total);
  const values = new Float32Array(total);
  const magnitudes = new Float32Array(blockElements);
  let at = 0;
  kept.forEach((count, block) => {
    const part = vector.subarray(block * blockElements, (block + 1) * blockElements);
    for (let i = 0; i < part.length; i++) magnitudes[i] = Math.abs(part[i] as number);
    const chosen = largest(magnitudes.subarray(0, part.length), count);
    places[block] = count;
    chosen.forEach((place, i) => {
      places[kept.length + at + i] = place;
      values[at + i] = part[place] as number;
    });
    at += count;
  });
  const bytes = new Uint8Array(valuesAt(kept.length + total) + total * 4);
  bytes.set(new Uint8Array(places.buffer));
  bytes.set(new Uint8Array(values.buffer), valuesAt(kept.length + total));
  return bytes;
}

const valuesAt = (words: number): number => Math.ceil((words * 2) / 4) * 4;

/** Places of the `count` largest, ascending; of equal ones the first. */
function largest(magnitudes: Float32Array, count: number): number[] {
  const least = magnitudes.slice().sort()[magnitudes.length - count] as number;
  let equal = count;
  for (const magnitude of magnitudes) if (magnitude > least) equal--;
  const places: number[] = [];
  magnitudes.forEach((magnitude, place) => {
    if (magnitude > least || (magnitude === least && equal-- > 0)) places.push(place);
  });
  return places;
}

/** @throws FormatError where counts or places do not fit a vector of this length */
export function decodeTopK(bytes: Uint8Array, length: number): Float32Array {
  const blocks = blocksOf(length);
  const wrong = () => new FormatError(`A top-k message of ${bytes.length} bytes does not fit ${length} elements.`);
  if (bytes.length < blocks * 2) throw wrong();
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counts = Array.from({ length: blocks }, (_, block) => words.getUint16(block * 2, true));
  const total = counts.reduce((a, b) => a + b, 0);
  const from = valuesAt(blocks + total);
  if (bytes.length !== from + total * 4) throw wrong();
  const vector = new Float32Array(length);
  let at = 0;
  counts.forEach((count, block) => {
    for (let i = 0; i < count; i++, at++) {
      const place = block * blockElements + words.getUint16((blocks + at) * 2, true);
      if (place >= Math.min(length, (block + 1) * blockElements)) throw wrong();
      vector[place] = words.getFloat32(from + at * 4, true);
    }
  });
  return vector;
}
