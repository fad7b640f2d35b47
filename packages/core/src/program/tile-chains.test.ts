import { describe, expect, test } from 'vitest';
import { createHarness } from '../kernels/kernel-harness.ts';
import { kernelOf } from '../kernels/phases.ts';
import { TapeWriter } from './tape-writer.ts';
import { tileChains } from './tile-chains.ts';

const [rows, columns] = [700, 96];
const n = rows * columns;
const eps = { f32: 1e-5 };

interface Buffers {
  /** Of n floats. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  /** Of a row of floats, and of a column. */
  readonly row: number;
  readonly column: number;
}
type Write = (tape: TapeWriter, at: Buffers) => void;

const h = createHarness();
const values = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => (((i + seed) * 2654435761) % 4096) / 1024 - 2);

function reserve(): Buffers {
  const [a, b, c, d] = [1, 2, 3, 4].map((seed) => h.f32(values(n, seed))) as [number, number, number, number];
  return { a, b, c, d, row: h.f32(values(columns, 5)), column: h.f32(values(rows, 6)) };
}

function namesOf(words: Uint32Array): string[] {
  const names: string[] = [];
  for (let at = 0; at < words.length; at += (words[at + 1] as number) / 4)
    names.push(kernelOf(words[at] as number).name);
  return names;
}

/** What all buffers hold afterwards. */
function outcome(write: Write, transform: (words: Uint32Array) => Uint32Array): Float32Array[] {
  const at = reserve();
  const tape = new TapeWriter();
  write(tape, at);
  const words = transform(tape.finish());
  const pc = h.i32(words);
  h.kernels.run(pc, pc + words.byteLength);
  return [at.a, at.b, at.c, at.d].map((address) => h.read(address, n));
}

function tiled(write: Write): string[] {
  const tape = new TapeWriter();
  write(tape, reserve());
  return namesOf(tileChains(tape.finish()));
}

const chains: [string, Write, tiles: number][] = [
  [
    'elements',
    (tape, { a, b, c, d }) => {
      tape.kernel('mul', c, a, b, 1, n, 0, 0);
      tape.kernel('tanh', c, c, n);
      tape.kernel('mulScalar', d, c, n, { f32: 0.5 });
      tape.kernel('geluGrad', d, a, d, n);
      tape.kernel('where', a, c, d, b, n);
    },
    17,
  ],
  [
    'rows',
    (tape, { a, b, c, d, row }) => {
      tape.kernel('add', b, a, b, 1, n, 0, 0);
      tape.kernel('layerNorm', c, b, row, 0, rows, columns, eps);
      tape.kernel('softmax', c, c, rows, columns);
      tape.kernel('softmaxGrad', a, c, b, rows, columns);
      tape.kernel('layerNormGradInput', d, b, row, a, rows, columns, eps);
    },
    17,
  ],
  [
    'a row, a column and a number for all',
    (tape, { a, b, c, d, row, column }) => {
      tape.kernel('add', b, a, row, rows, columns, 0, 1);
      tape.kernel('mul', c, column, b, rows, columns, 2, 0);
      tape.kernel('sub', d, c, row, 1, n, 0, 3);
      tape.kernel('square', d, d, n);
      tape.kernel('greater', a, d, b, 1, n, 0, 0);
    },
    17,
  ],
];

describe.each(chains)('%s', (_, write, tiles) => {
  test('tile by tile, with the same bits', () => {
    const once = outcome(write, (words) => words);
    expect(outcome(write, tileChains)).toEqual(once);
    const plain = new TapeWriter();
    write(plain, reserve());
    const names = namesOf(plain.finish());
    expect(tiled(write)).toEqual(Array.from({ length: tiles }, () => names).flat());
  });
});

/** Long enough to be worth it. */
const more: Write = (tape, { c }) => {
  for (let i = 0; i < 3; i++) tape.kernel('square', c, c, n);
};

const apart: [string, Write][] = [
  [
    'what is read a row later than it is written',
    (tape, { a, b, c }) => {
      tape.kernel('neg', b, a, n - columns);
      tape.kernel('neg', c, b + 4 * columns, n - columns);
      for (let i = 0; i < 3; i++) tape.kernel('square', b, b, n - columns);
    },
  ],
  [
    'a row for all that is made in the chain',
    (tape, at) => {
      const { a, b, c } = at;
      tape.kernel('neg', b, a, n);
      tape.kernel('add', c, a, b, rows, columns, 0, 1);
      more(tape, at);
    },
  ],
  [
    'what a chain still has to read',
    (tape, { a, b, c }) => {
      tape.kernel('add', c, a, b, rows, columns, 0, 1);
      tape.kernel('neg', b, a, n);
      for (let i = 0; i < 3; i++) tape.kernel('square', b, b, n);
    },
  ],
  [
    'other kernels between them',
    (tape, { a, b, c }) => {
      for (let i = 0; i < 4; i++) tape.kernel('neg', b, a, n);
      tape.kernel('fill', a, n, 0);
      for (let i = 0; i < 4; i++) tape.kernel('neg', c, b, n);
    },
  ],
  [
    'instructions that share nothing',
    (tape, { a, b, c, d }) => {
      for (let i = 0; i < 4; i++) tape.kernel('neg', b, a, n);
      for (let i = 0; i < 4; i++) tape.kernel('neg', d, c, n);
    },
  ],
  [
    'few instructions',
    (tape, { a, b, c }) => {
      tape.kernel('neg', b, a, n);
      for (let i = 0; i < 3; i++) tape.kernel('neg', c, b, n);
    },
  ],
  [
    'few elements',
    (tape, { a, b }) => {
      for (let i = 0; i < 6; i++) tape.kernel('neg', b, a, 4096);
    },
  ],
];

test.each(apart)('left as they are: %s', (_, write) => {
  const plain = new TapeWriter();
  write(plain, reserve());
  expect(tiled(write)).toEqual(namesOf(plain.finish()));
  expect(outcome(write, tileChains)).toEqual(outcome(write, (words) => words));
});
