import { describe, expect, test } from 'vitest';

import { floats } from '../../../../test/support/kernel-cases.ts';
import { createHarness } from './kernel-harness.ts';

const blockBytes = 16 * 1024;
const builds = [createHarness(), createHarness({ widen: false })] as const;
const [out, input] = builds.map((h) => [h.alloc(64), h.alloc(3 * blockBytes)] as const)[0]!;

/** The hash of each block as hexadecimal words; what lies behind the bytes is noise. */
function hash(bytes: Uint8Array): string[] {
  const [widened, plain] = builds.map((h) => {
    new Uint8Array(h.memory.buffer, input, 3 * blockBytes + 64).fill(0xa5).set(bytes);
    h.call('hashBlocks', out, input, bytes.length);
    const words = h.readU32(out, 4 * Math.ceil(bytes.length / blockBytes));
    return Array.from({ length: words.length / 4 }, (_, block) =>
      Array.from(words.slice(4 * block, 4 * block + 4), (word) => word.toString(16).padStart(8, '0')).join(''),
    );
  });
  expect(widened).toEqual(plain);
  return widened!;
}

const bytesOf = (count: number, seed = 1): Uint8Array =>
  new Uint8Array(floats(Math.ceil(count / 4), seed).buffer, 0, count);
const bitCount = (a: string, b: string): number =>
  [...(BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2)].filter((digit) => digit === '1').length;

test.each([0, 1, 4, 64])(
  'blocks of their own: the second does not depend on the first, and %i bytes are left over',
  (rest) => {
    const bytes = bytesOf(2 * blockBytes + rest);
    const whole = hash(bytes);
    expect(whole).toHaveLength(rest ? 3 : 2);
    for (let i = 0; i < whole.length; i++) {
      expect(hash(bytes.slice(i * blockBytes, (i + 1) * blockBytes))).toEqual([whole[i]]);
    }
  },
);

describe.each([4, 8, 60, 64, 68, 100, 1000, blockBytes])('%i bytes', (count) => {
  const bytes = bytesOf(count);
  const before = hash(bytes)[0]!;

  test('any flipped bit changes about half of the hash', () => {
    const distances: number[] = [];
    const stride = Math.max(1, Math.floor((count * 8) / 2000)) | 1;
    const seen = new Set([before]);
    for (let bit = 0; bit < count * 8; bit += stride) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const after = hash(flipped)[0]!;
      distances.push(bitCount(before, after));
      seen.add(after);
    }
    expect(seen.size, 'all of them different').toBe(distances.length + 1);
    // 64 of 128 bits, with a standard deviation of 5.7
    expect(Math.min(...distances)).toBeGreaterThan(64 - 6 * 5.7);
    const mean = distances.reduce((a, b) => a + b, 0) / distances.length;
    expect(Math.abs(mean - 64)).toBeLessThan((5 * 5.7) / Math.sqrt(distances.length));
  });

  test('words in another order, or one byte less', () => {
    const words = new Int32Array(bytes.slice().buffer);
    for (const distance of [1, 4, 15, 16, 17, 64]) {
      if (distance >= words.length) continue;
      const swapped = words.slice();
      [swapped[0], swapped[distance]] = [swapped[distance]!, swapped[0]!];
      expect(hash(new Uint8Array(swapped.buffer))[0]).not.toBe(before);
    }
    for (let less = 1; less < 4; less++) expect(hash(bytes.slice(0, count - less))[0]).not.toBe(before);
  });
});

test('zeros of every length differ: the length counts', () => {
  const lengths = Array.from({ length: 300 }, (_, i) => i + 1);
  expect(new Set(lengths.map((count) => hash(new Uint8Array(count))[0])).size).toBe(lengths.length);
});

test('bytes behind the end do not count, also where the end is not that of a word', () => {
  for (const count of [1, 2, 3, 5, 66, 127]) {
    const bytes = bytesOf(count);
    const first = hash(bytes);
    new Uint8Array(builds[0].memory.buffer, input + count, 64).fill(0x11);
    builds[0].call('hashBlocks', out, input, count);
    const words = Array.from(builds[0].readU32(out, 4), (word) => word.toString(16).padStart(8, '0')).join('');
    expect([words]).toEqual(first);
  }
});
