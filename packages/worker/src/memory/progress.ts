import type { TapeWriter } from '@lockstep/core/internal';
import { type KernelName, opcode } from '@lockstep/core/kernels';
import type { TapeRange } from '../thread-script.ts';

// An update changes parameters in place. For whoever takes the place of a thread that dies in the middle of it, the thread notes how far it is: unit 1
// advances the groups' states, which is undone and done again; each further unit is one instruction of an optimizer or a moving average,
// and goes on at the element that it had come to. Everything else of a step can be computed again.

/** i32 words at `ThreadPlaces.progress`. The last two are written by kernels (packages/core/kernels/undo.ts). */
export const progressWord = {
  /** Slots taken so far. */
  taken: 0,
  /** 0 = the update of this slot has not begun; else the open unit, and those before it are done. */
  unit: 1,
  /** Elements of the open unit that are still to be changed. */
  left: 2,
} as const;

/** Instructions `out x n ...` change n elements at the arguments at these places, and read at the others; some of them may be 0. */
const vectorArguments: Partial<Record<KernelName, readonly number[]>> = {
  sgd: [0, 1, 4],
  adamw: [0, 1, 4, 5, 6],
  adagrad: [0, 1, 4],
  adadelta: [0, 1, 4, 5],
  rmsprop: [0, 1, 4, 5, 6],
  lion: [0, 1, 4],
  movingAverage: [0, 1],
};
const countArgument = 2;
const byCode = new Map(
  Object.entries(vectorArguments).map(([name, places]) => [opcode[name as KernelName], places] as const),
);

/** Where a thread notes how far it is, and has room for the rest of an instruction. */
export interface ProgressPlaces {
  readonly progress: number;
  readonly resumed: number;
}

/** Bytes for the rest of an instruction. */
export const resumedBytes = 64;

/** Unit 1: copies the words first. */
export function keepUnit(
  tape: TapeWriter,
  { progress }: ProgressPlaces,
  words: number,
  kept: readonly { readonly at: number; readonly copy: number }[],
): void {
  const word = progress + progressWord.unit * 4;
  tape.kernel('keep', word, 1, words, kept.length, ...kept.flatMap(({ at, copy }) => [copy, at]));
}

/** Numbers the units of an update tape, from 2. */
export class UnitMarks {
  readonly #tape: TapeWriter;
  #unit = 2;

  constructor(tape: TapeWriter, { progress }: ProgressPlaces) {
    this.#tape = tape;
    tape.kernel('track', progress + progressWord.unit * 4);
  }

  /** The next instruction changes so many elements. */
  next(elements: number): void {
    this.#tape.kernel('unit', this.#unit++, elements);
  }
}

/** Puts back what unit 1 has changed, where it is open. @returns whether it was */
export function undoKept(words: Int32Array, { progress }: ProgressPlaces, tape: TapeRange): boolean {
  if (words[(progress >>> 2) + progressWord.unit] !== 1) return false;
  const at = find(words, tape, (code, number) => code === opcode.keep && number[1] === 1) as number;
  const [length, count] = [words[at + 4] as number, words[at + 5] as number];
  for (let pair = at + 6; pair < at + 6 + 2 * count; pair += 2) {
    const [copy, from] = [(words[pair] as number) >>> 2, (words[pair + 1] as number) >>> 2];
    words.copyWithin(from, copy, copy + length);
  }
  return true;
}

/**
 * What is left of an update tape: the rest of the instruction that was open, written anew, and what follows it; all of it where no unit of it was
 * open. `track` comes first in any case.
 */
export function restOfUpdate(words: Int32Array, { progress, resumed }: ProgressPlaces, tape: TapeRange): TapeRange[] {
  const at = progress >>> 2;
  const [unit, left] = [words[at + progressWord.unit] as number, words[at + progressWord.left] as number];
  if (unit < 2) return [tape];
  const mark = find(words, tape, (code, args) => code === opcode.unit && args[0] === unit) as number;
  const open = end(words, mark);
  const track = { from: tape.from, to: end(words, tape.from >>> 2) * 4 };
  const after = { from: end(words, open) * 4, to: tape.to };
  if (left <= 0) return [track, after];
  const target = resumed >>> 2;
  words.copyWithin(target, open, end(words, open));
  const done = (words[open + 2 + countArgument] as number) - left;
  for (const place of byCode.get(words[open] as number) as readonly number[]) {
    const word = target + 2 + place;
    if (words[word] !== 0) words[word] = (words[word] as number) + done * 4;
  }
  words[target + 2 + countArgument] = left;
  // A second death before it is done finds it as it was: `left` counts in the same elements.
  return [track, { from: resumed, to: end(words, target) * 4 }, after];
}

/** Place of an instruction, in words. */
function find(
  words: Int32Array,
  { from, to }: TapeRange,
  wanted: (code: number, args: Int32Array) => boolean,
): number | undefined {
  for (let at = from >>> 2; at < to >>> 2; at = end(words, at)) {
    if (wanted(words[at] as number, words.subarray(at + 2, end(words, at)))) return at;
  }
  return undefined;
}

const end = (words: Int32Array, at: number): number => at + ((words[at + 1] as number) >>> 2);
