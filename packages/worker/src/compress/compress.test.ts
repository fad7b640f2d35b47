import { layoutOf } from '@lockstep/core/internal';
import { describe, expect, test } from 'vitest';
import { SumsDecoder, SumsEncoder } from './compressed-sums.ts';
import { type Compression, createCompressor } from './compressor.ts';
import { ErrorFeedback } from './error-feedback.ts';
import { formatCompression, parseCompression } from './parse-compression.ts';

const layout = layoutOf([
  { name: 'a', shape: [40, 70] },
  { name: 'b', shape: [40] },
  { name: 'c', shape: [8, 3, 3, 3] },
  { name: 'd', shape: [100, 97] },
]);

/** Numbers that are neither random nor regular. */
const vectorOf = (salt: number): Float32Array =>
  Float32Array.from({ length: layout.length }, (_, i) =>
    Math.fround((((i + 7) * (salt * 2 + 131)) % 1009) / 1009 - 0.5),
  );

const all: Compression[] = [{ kind: 'topk', fraction: 0.05 }, { kind: 'int8' }, { kind: 'powersgd', rank: 4 }];

const norm = (x: Float32Array): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0));
const difference = (a: Float32Array, b: Float32Array): Float32Array => a.map((v, i) => v - (b[i] as number));

describe.each(all)('$kind', (compression) => {
  test('is smaller, the same each time, and nearer than nothing', () => {
    const vector = vectorOf(1);
    const [one, two] = [createCompressor(compression, layout), createCompressor(compression, layout)];
    const bytes = one.encode(vector);
    expect(bytes.length).toBeLessThan(vector.byteLength / 3);
    expect(two.encode(vector)).toEqual(bytes);
    expect(norm(difference(vector, one.decode(bytes)))).toBeLessThan(norm(vector));
  });

  test('with error feedback the sum of what is sent follows the sum of what was to be sent', () => {
    const compressor = createCompressor(compression, layout);
    const feedback = new ErrorFeedback(compressor, layout.length);
    const [wanted, sent] = [new Float32Array(layout.length), new Float32Array(layout.length)];
    const rounds = 60;
    for (let round = 0; round < rounds; round++) {
      const vector = vectorOf(1);
      vector.forEach((v, i) => {
        wanted[i] = (wanted[i] as number) + v;
      });
      compressor.decode(feedback.encode(vector)).forEach((v, i) => {
        sent[i] = (sent[i] as number) + v;
      });
    }
    expect(norm(difference(wanted, sent)) / norm(wanted)).toBeLessThan(0.4);
  });

  test('statistics and sums that move buffers come as they are, and a gradient that is not finite as well', () => {
    const trained = layout.entries[3]?.offset as number;
    const withBuffers = { ...layout, trained };
    const values = new Float32Array(layout.length + 4);
    values.set(vectorOf(5));
    values.set([7, 8, 9, 10], layout.length);
    const before = values.slice();
    const encoder = new SumsEncoder(compression, withBuffers);
    const decoder = new SumsDecoder(compression, withBuffers);
    const into = new Float32Array(values.length);
    const bytes = encoder.encode(values);
    decoder.decode(bytes, into);
    expect(values).toEqual(before);
    expect(into.subarray(trained)).toEqual(values.subarray(trained));
    expect(norm(difference(values, into))).toBeLessThan(norm(values));
    values[3] = Number.NaN;
    decoder.decode(encoder.encode(values), into);
    expect(into).toEqual(values);
    // The remainder is as it was before.
    const other = new SumsEncoder(compression, withBuffers);
    other.encode(before);
    expect(encoder.encode(before)).toEqual(other.encode(before));
    for (const bad of [bytes.subarray(0, 7), bytes.subarray(0, bytes.length - 1), new Uint8Array(bytes.length).fill(9)])
      expect(() => decoder.decode(bad, into)).toThrow(/compressed vector|does not fit/);
  });

  test('a message that is cut or too long is refused', () => {
    const compressor = createCompressor(compression, layout);
    const bytes = compressor.encode(vectorOf(2));
    expect(() => compressor.decode(bytes.subarray(0, bytes.length - 4))).toThrow(/does not fit/);
    expect(() => compressor.decode(new Uint8Array([...bytes, 0, 0, 0, 0]))).toThrow(/does not fit/);
  });
});

test('int8 is within half a level of each element', () => {
  const vector = vectorOf(3);
  const compressor = createCompressor({ kind: 'int8' }, layout);
  const most = difference(vector, compressor.decode(compressor.encode(vector))).map(Math.abs);
  expect(Math.max(...most)).toBeLessThanOrEqual(0.5 / 127 / 1.99);
});

test('top-k keeps the largest elements exactly, of equal ones the first', () => {
  const vector = new Float32Array(layout.length);
  vector.set([0.5, -3, 2, 0.5, 0.5]);
  const compressor = createCompressor({ kind: 'topk', fraction: 3 / 4096 }, layout);
  expect([...compressor.decode(compressor.encode(vector)).subarray(0, 5)]).toEqual([0.5, -3, 2, 0, 0]);
});

test('a matrix of low rank comes through PowerSGD unharmed, and so does what is no matrix', () => {
  const vector = new Float32Array(layout.length);
  const { offset } = layout.entries[0] as (typeof layout.entries)[number];
  for (let i = 0; i < 40; i++)
    for (let j = 0; j < 70; j++) vector[offset + i * 70 + j] = (i % 5) - 2 + (j % 3) * (i % 2);
  vector.set(vectorOf(4).subarray(0, 40), layout.entries[1]?.offset);
  const compressor = createCompressor({ kind: 'powersgd', rank: 4 }, layout);
  const error = difference(vector, compressor.decode(compressor.encode(vector)));
  expect(norm(error) / norm(vector)).toBeLessThan(1e-5);
});

test('what is asked for on the command line', () => {
  expect(parseCompression('topk:0.02')).toEqual({ kind: 'topk', fraction: 0.02 });
  expect(parseCompression('powersgd')).toEqual({ kind: 'powersgd', rank: 4 });
  for (const bad of ['zip', 'topk:0', 'topk:2', 'int8:4', 'powersgd:0.5', 'powersgd:1:2', ''])
    expect(() => parseCompression(bad)).toThrow(/must be none, int8/);
  expect(formatCompression(parseCompression('none'))).toBe('');
  for (const text of ['int8', 'topk:0.02', 'powersgd:8']) expect(formatCompression(parseCompression(text))).toBe(text);
});
