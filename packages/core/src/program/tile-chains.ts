import { opcode } from '../kernels/opcodes.ts';
import { kernelOf } from '../kernels/phases.ts';
import { type Extent, type RowInstruction, rowsOf, someRows } from './row-kernels.ts';

/** Elements of a tile: 16 KiB an operand, so that what one instruction leaves is in the first-level cache for the next. */
const tileElements = 4096;
/** Operands of less (256 KiB) fit into the second-level cache whole. */
const leastElements = 16 * tileElements;
/** Shorter chains gain less than they lose where the processor reads ahead anyway: measured, see docs/performance.md. */
const leastInstructions = 5;

/**
 * Turns runs of instructions that work on the same rows (sums, activations, norms over a row) into the same instructions tile by tile: a tile goes
 * through all of them before the next is begun, so that values between them need not leave the caches. An instruction's result does not depend
 * on how many of its rows it is given, so no bit changes.
 */
export function tileChains(words: Uint32Array): Uint32Array {
  const out: number[] = [];
  let chain: RowInstruction[] = [];
  const flush = () => {
    writeChain(chain, out);
    chain = [];
  };
  for (let at = 0; at < words.length; ) {
    const length = (words[at + 1] as number) / 4;
    const { name } = kernelOf(words[at] as number);
    const next = rowsOf(name, [...words.subarray(at + 2, at + length)]);
    if (!next || !continues(chain, next)) flush();
    if (next && next.rows * next.columns >= leastElements) chain.push(next);
    else for (let i = 0; i < length; i++) out.push(words[at + i] as number);
    at += length;
  }
  flush();
  return Uint32Array.from(out);
}

/** Whether it works on what one of them works on, and no row of one depends on another row of another. */
function continues(chain: readonly RowInstruction[], next: RowInstruction): boolean {
  return (
    chain.every((one) => one.rows * one.columns === next.rows * next.columns && independent(one, next)) &&
    chain.some((one) => movingExtents(one).some((a) => movingExtents(next).some((b) => same(a, b))))
  );
}

/** Each writes nothing that the other touches, but for the same rows of the same operand. */
function independent(a: RowInstruction, b: RowInstruction): boolean {
  const apart = (writer: RowInstruction, other: RowInstruction) => {
    const written = movingExtents(writer)[0] as Extent;
    return (
      movingExtents(other).every((extent) => same(written, extent) || disjoint(written, extent)) &&
      other.fixed.every((extent) => disjoint(written, extent))
    );
  };
  return apart(a, b) && apart(b, a);
}

const movingExtents = ({ words, rows, moving }: RowInstruction): Extent[] =>
  moving.map(({ at, bytes }) => ({ from: words[at] as number, to: (words[at] as number) + rows * bytes }));
const same = (a: Extent, b: Extent): boolean => a.from === b.from && a.to === b.to;
const disjoint = (a: Extent, b: Extent): boolean => a.to <= b.from || b.to <= a.from;

function writeChain(chain: readonly RowInstruction[], out: number[]): void {
  const unit = chain.reduce((n, { columns }) => leastCommonMultiple(n, columns), 16);
  const elements = chain.length > 0 ? (chain[0] as RowInstruction).rows * (chain[0] as RowInstruction).columns : 0;
  // Rows that have no small multiple in common cannot be cut alike.
  const tile =
    chain.length >= leastInstructions && unit <= tileElements ? tileElements - (tileElements % unit) : elements;
  for (let from = 0; from < elements; from += tile) {
    for (const one of chain) {
      const count = Math.min(tile, elements - from) / one.columns;
      const words = someRows(one, from / one.columns, count);
      out.push(opcode[one.name], (2 + words.length) * 4, ...words);
    }
  }
}

function leastCommonMultiple(a: number, b: number): number {
  const divisor = (x: number, y: number): number => (y === 0 ? x : divisor(y, x % y));
  return (a / divisor(a, b)) * b;
}
