import { type KernelName, kernelTable } from '../kernels/opcodes.ts';

/** An instruction whose rows can be computed a few at a time, with the same bits. Words are its arguments (docs/kernels.md). */
export interface RowInstruction {
  readonly name: KernelName;
  readonly words: readonly number[];
  readonly rows: number;
  /** Elements of a row of the output. */
  readonly columns: number;
  /** Which argument is the number of rows. */
  readonly rowsAt: number;
  /** Arguments that are addresses and move from row to row, the output first, and by how many bytes. */
  readonly moving: readonly { readonly at: number; readonly bytes: number }[];
  /** What is read for all rows. */
  readonly fixed: readonly Extent[];
}

/** Bytes of memory. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

const named = (file: 'elementwise' | 'activation-gradients' | 'binary'): ReadonlySet<string> =>
  new Set<string>(kernelTable[file]);
const unary = named('elementwise');
const gradients = named('activation-gradients');
const binary = named('binary');

/** How an instruction is made of rows; undefined where it is none of those that are. */
export function rowsOf(name: KernelName, words: readonly number[]): RowInstruction | undefined {
  if (unary.has(name)) return elements(name, words, 2);
  if (gradients.has(name)) return elements(name, words, 3);
  if (name === 'where') return elements(name, words, 4);
  if (binary.has(name)) return broadcast(name, words);
  if (name === 'layerNorm') return wholeRows(name, words, [0, 1], [2, 3], 4);
  if (name === 'layerNormGradInput') return wholeRows(name, words, [0, 1, 3], [2], 4);
  if (name === 'softmax' || name === 'logSoftmax') return wholeRows(name, words, [0, 1], [], 2);
  if (name === 'softmaxGrad' || name === 'logSoftmaxGrad') return wholeRows(name, words, [0, 1, 2], [], 3);
  return undefined;
}

/** All arguments before the count are operands of so many elements. */
function elements(name: KernelName, words: readonly number[], rowsAt: number): RowInstruction {
  const moving = Array.from({ length: rowsAt }, (_, at) => ({ at, bytes: 4 }));
  return { name, words, rows: words[rowsAt] as number, columns: 1, rowsAt, moving, fixed: [] };
}

function wholeRows(
  name: KernelName,
  words: readonly number[],
  moving: readonly number[],
  vectors: readonly number[],
  rowsAt: number,
): RowInstruction {
  const [rows, columns] = [words[rowsAt] as number, words[rowsAt + 1] as number];
  const given = vectors.map((at) => words[at] as number).filter((address) => address !== 0);
  return {
    name,
    words,
    rows,
    columns,
    rowsAt,
    moving: moving.map((at) => ({ at, bytes: columns * 4 })),
    fixed: given.map((from) => ({ from, to: from + columns * 4 })),
  };
}

/** out, a, b, outer, inner, and how a and b are spread: whole, a row, a column, one number. */
function broadcast(name: KernelName, words: readonly number[]): RowInstruction {
  const [, , , outer, inner, ...modes] = words as [number, number, number, number, number, number, number];
  if (modes.every((mode) => mode === 0 || mode === 3)) {
    const flat = [...words.slice(0, 3), 1, outer * inner, ...modes];
    return { name, words: flat, rows: outer * inner, columns: 1, rowsAt: 4, ...spread(flat, modes, 1) };
  }
  return { name, words, rows: outer, columns: inner, rowsAt: 3, ...spread(words, modes, inner) };
}

function spread(words: readonly number[], modes: readonly number[], columns: number) {
  const moving = [{ at: 0, bytes: columns * 4 }];
  const fixed: Extent[] = [];
  for (const [i, mode] of modes.entries()) {
    const from = words[1 + i] as number;
    if (mode === 0) moving.push({ at: 1 + i, bytes: columns * 4 });
    else if (mode === 2) moving.push({ at: 1 + i, bytes: 4 });
    else fixed.push({ from, to: from + (mode === 1 ? columns * 4 : 4) });
  }
  return { moving, fixed };
}

/** The instruction's arguments for `count` rows from row `first` on. */
export function someRows({ words, rowsAt, moving }: RowInstruction, first: number, count: number): number[] {
  const part = [...words];
  for (const { at, bytes } of moving) part[at] = (part[at] as number) + first * bytes;
  part[rowsAt] = count;
  return part;
}
