import { refuse } from './job-refusal.ts';

/** Entries of maps and arrays that are read; a batch has a few fields of a few entries. */
const maxEntries = 10_000;
const maxDepth = 4;

/** Of a type byte: bytes of its length (0 = the length is in the type, or fixed), and what the length counts. */
type Kind = readonly [lengthBytes: 0 | 1 | 2 | 4, counts: 'bytes' | 'items' | 'pairs', length: number];

const none: Kind = [0, 'bytes', 0];
const kinds = new Map<number, Kind>([
  [0xc0, none],
  [0xc2, none],
  [0xc3, none],
  ...[0xcc, 0xd0].map((type) => [type, [0, 'bytes', 1]] as const),
  ...[0xcd, 0xd1].map((type) => [type, [0, 'bytes', 2]] as const),
  ...[0xca, 0xce, 0xd2].map((type) => [type, [0, 'bytes', 4]] as const),
  ...[0xcb, 0xcf, 0xd3].map((type) => [type, [0, 'bytes', 8]] as const),
  ...[0xc4, 0xd9].map((type) => [type, [1, 'bytes', 0]] as const),
  ...[0xc5, 0xda].map((type) => [type, [2, 'bytes', 0]] as const),
  ...[0xc6, 0xdb].map((type) => [type, [4, 'bytes', 0]] as const),
  [0xdc, [2, 'items', 0]],
  [0xdd, [4, 'items', 0]],
  [0xde, [2, 'pairs', 0]],
  [0xdf, [4, 'pairs', 0]],
]);

function kindOf(type: number): Kind {
  if (type <= 0x7f || type >= 0xe0) return none;
  if (type <= 0x8f) return [0, 'pairs', type & 15];
  if (type <= 0x9f) return [0, 'items', type & 15];
  if (type <= 0xbf) return [0, 'bytes', type & 31];
  return (
    kinds.get(type) ??
    refuse(`a batch holds something else than maps, numbers, text and bytes (type 0x${type.toString(16)})`)
  );
}

/**
 * Walks over msgpack bytes before they are decoded, so that the decoder meets nothing that it would build more from than was sent: no
 * extension types (among them those by which msgpackr makes errors, sets, dates and references), lengths within the bytes, few entries, little
 * depth.
 *
 * @throws JobRefusal
 */
export function checkMsgpack(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let entries = 0;
  const take = (count: number): number => {
    if (at + count > bytes.length) refuse('a batch ends too early');
    at += count;
    return at - count;
  };
  const lengthOf = (size: 1 | 2 | 4): number => {
    const from = take(size);
    if (size === 1) return view.getUint8(from);
    return size === 2 ? view.getUint16(from) : view.getUint32(from);
  };
  const walk = (depth: number): void => {
    if (depth > maxDepth || ++entries > maxEntries) refuse('a batch is nested too deep or has too many parts');
    const [lengthBytes, counts, fixed] = kindOf(view.getUint8(take(1)));
    const length = lengthBytes === 0 ? fixed : lengthOf(lengthBytes);
    if (counts === 'bytes') take(length);
    else for (let i = 0; i < (counts === 'pairs' ? 2 * length : length); i++) walk(depth + 1);
  };
  walk(0);
  if (at !== bytes.length) refuse('a batch has bytes behind its end');
}
