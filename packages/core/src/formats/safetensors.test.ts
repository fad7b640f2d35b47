import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FormatError } from '../errors.ts';
import { bytesOf, sha256Hex } from './digest.ts';
import { decodeSafetensors, encodeSafetensors, type TensorToStore, valuesOf } from './safetensors.ts';
import { bytesPerElement, elementCount, tensorDTypes } from './tensor-dtype.ts';

/** A file with this header text, padded as the format allows, and so many bytes of tensors. */
function file(header: string, bodyBytes: number, headerLength = header.length): Uint8Array {
  const bytes = new Uint8Array(8 + header.length + bodyBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
}

const entry = (shape: string, begin: number, end: number, dtype = 'F32') =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

const tensor = fc
  .record({
    name: fc.oneof(
      fc.string().filter((name) => name !== '__metadata__'),
      fc.constantFrom('__proto__', 'constructor', 'toString'),
    ),
    dtype: fc.constantFrom(...tensorDTypes),
    shape: fc.array(fc.nat(3), { maxLength: 3 }),
    seed: fc.nat(255),
  })
  .map(({ name, dtype, shape, seed }): TensorToStore => {
    const size = (elementCount(shape) as number) * bytesPerElement(dtype);
    return { name, dtype, shape, data: new Uint8Array(size).map((_, i) => seed + 7 * i) };
  });
const tensors = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 5 });
const metadata = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });

describe('encode, then decode', () => {
  test('gives the same tensors, aligned', () => {
    fc.assert(
      fc.property(tensors, metadata, (list, data) => {
        const bytes = encodeSafetensors(list, data);
        const decoded = decodeSafetensors(bytes, 'f');
        expect(decoded.tensors.size).toBe(list.length);
        for (const { name, dtype, shape, data: expected } of list) {
          expect(decoded.tensors.get(name)).toEqual({ dtype, shape, data: expected, aligned: true });
        }
        expect(Object.entries(decoded.metadata)).toEqual(Object.entries(data));
      }),
    );
  });

  test('takes typed arrays and gives them back in place', () => {
    const bytes = encodeSafetensors([{ name: 'w', dtype: 'F32', shape: [2, 1], data: new Float32Array([1.5, -2]) }]);
    expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n);
    const stored = decodeSafetensors(bytes, 'f').tensors.get('w');
    const values = valuesOf(stored as NonNullable<typeof stored>);
    expect(values).toEqual(new Float32Array([1.5, -2]));
    expect(values.buffer).toBe(bytes.buffer);
  });

  test('values that lie unaligned are copied', () => {
    const bytes = file(`{"w":${entry('[1]', 0, 4)}}`, 4);
    for (let shift = 0; shift < 4; shift++) {
      // A Buffer, as readFile gives.
      const moved = Buffer.alloc(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      moved.set([0, 0, 0x80, 0x3f], moved.length - 4);
      const there = decodeSafetensors(moved, 'f').tensors.get('w');
      expect(there?.aligned).toBe((there?.data.byteOffset as number) % 4 === 0);
      expect(valuesOf(there as NonNullable<typeof there>)).toEqual(new Float32Array([1]));
    }
  });
});

test('a file that Hugging Face wrote, tensor by tensor', () => {
  const folder = new URL('../../../../test/vectors/hf/gpt2-tiny/', import.meta.url);
  const { tensors: stored, metadata: written } = decodeSafetensors(
    readFileSync(new URL('model.safetensors', folder)),
    'gpt2-tiny',
  );
  const { parameters } = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8'));
  expect([...stored.keys()].sort()).toEqual(Object.keys(parameters).sort());
  expect({ ...written }).toEqual({ format: 'pt' });
  for (const [name, { dtype, shape, data }] of stored) {
    expect(dtype).toBe('F32');
    expect(shape).toEqual(parameters[name].shape);
    expect(sha256Hex(data)).toBe(parameters[name].sha256);
  }
});

describe('damage is a FormatError that names the file', () => {
  test.each([
    ['an empty file', new Uint8Array(0), 'it has 0 bytes'],
    ['a header longer than the file', file('{}', 0, 3), 'its header takes 3 bytes, and only 2 follow'],
    ['a header of gigabytes', file('{}', 0, 2 ** 40), 'more than the 100000000 allowed'],
    ['no header', file('', 0), 'does not begin with "{"'],
    ['a header that begins with a space', file(' {}', 0), 'does not begin with "{"'],
    ['a header that is no JSON', file('{"a"}', 0), 'not JSON in UTF-8'],
    [
      'two tensors of one name',
      file(`{"a":${entry('[1]', 0, 4)},"\\u0061":${entry('[1]', 0, 4)}}`, 4),
      'its header has "a" twice',
    ],
    ['an unknown dtype', file(`{"a":${entry('[1]', 0, 4, 'F99')}}`, 4), 'has dtype "F99"'],
    ['an inherited name as dtype', file(`{"a":${entry('[1]', 0, 4, 'constructor')}}`, 4), 'has dtype "constructor"'],
    ['a negative size', file(`{"a":${entry('[-1,-1]', 0, 4)}}`, 4), 'shape of tensor "a"'],
    ['a fractional size', file(`{"a":${entry('[0.5,2]', 0, 4)}}`, 4), 'shape of tensor "a"'],
    ['a product that overflows', file(`{"a":${entry('[4294967296,4294967296,0]', 0, 0)}}`, 0), 'shape of tensor "a"'],
    ['a size that does not match', file(`{"a":${entry('[2]', 0, 4)}}`, 4), 'has 4 bytes where dtype and shape need 8'],
    ['reversed offsets', file(`{"a":${entry('[1]', 4, 0)}}`, 4), 'has -4 bytes'],
    [
      'a hole',
      file(`{"a":${entry('[1]', 0, 4)},"b":${entry('[1]', 8, 12)}}`, 12),
      'tensor "b" begins at byte 8 where 4 comes next',
    ],
    [
      'an overlap',
      file(`{"a":${entry('[1]', 0, 4)},"b":${entry('[1]', 0, 4)}}`, 4),
      'tensor "b" begins at byte 0 where 4 comes next',
    ],
    ['an end beyond the file', file(`{"a":${entry('[2]', 0, 8)}}`, 4), 'ends at byte 8, and there are 4'],
    ['trailing bytes', file(`{"a":${entry('[1]', 0, 4)}}`, 6), '2 bytes after the last tensor'],
    ['metadata that is no string', file('{"__metadata__":{"a":1}}', 0), 'its metadata "a" is no string'],
    ['a tensor that is a list', file('{"a":[]}', 0), 'the entry of tensor "a" is no object'],
    ['an unknown field', file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1}}', 0), 'unknown field "x"'],
  ])('%s', (_, bytes, what) => {
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(FormatError);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(/^model\.safetensors is no valid/);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(what);
  });

  test('a file cut anywhere is refused', () => {
    const data = new Float32Array([1, 2]);
    const bytes = encodeSafetensors([{ name: 'w', dtype: 'F32', shape: [2], data }], { a: 'b' });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), 'f')).toThrow(FormatError);
    }
  });

  test('changed bytes give other tensors or a FormatError, never another failure', () => {
    const flips = fc.array(fc.record({ at: fc.nat(), to: fc.nat(255) }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(tensors, metadata, flips, (list, data, changes) => {
        const bytes = encodeSafetensors(list, data);
        for (const { at, to } of changes) bytes[at % bytes.length] = to;
        try {
          for (const stored of decodeSafetensors(bytes, 'f').tensors.values())
            expect(bytesOf(valuesOf(stored))).toEqual(stored.data);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });
});

test('what cannot be stored is refused before anything is written', () => {
  const w = { name: 'w', dtype: 'F32', shape: [1], data: new Float32Array(1) } as const;
  expect(() => encodeSafetensors([w, w])).toThrow('the name "w" is taken');
  expect(() => encodeSafetensors([{ ...w, name: '__metadata__' }])).toThrow('is taken');
  expect(() => encodeSafetensors([{ ...w, shape: [2] }])).toThrow('does not fit tensor "w", F32 [2]');
  expect(() => encodeSafetensors([{ ...w, data: new Int32Array(1) }])).toThrow('Int32Array of 4 bytes does not fit');
});
