import { expect, test } from 'vitest';
import { bytesOf, digestOfFloats, sha256Hex } from './digest.ts';

test('the known answer of FIPS 180-2, in one chunk or several', () => {
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(sha256Hex('abc')).toBe(expected);
  expect(sha256Hex('a', new Uint8Array([0x62]), 'c')).toBe(expected);
});

test('floats are hashed by their bits, little-endian, also from shared memory and within a larger buffer', () => {
  expect(digestOfFloats(new Float32Array([1, -2]))).toBe(sha256Hex(new Uint8Array([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0])));
  expect(digestOfFloats(new Float32Array([0]))).not.toBe(digestOfFloats(new Float32Array([-0])));
  const shared = new Float32Array(new SharedArrayBuffer(16));
  shared.set([9, 1, -2, 9]);
  expect(digestOfFloats(shared.subarray(1, 3))).toBe(digestOfFloats(new Float32Array([1, -2])));
  expect(bytesOf(shared.subarray(1, 3)).byteOffset).toBe(4);
});
