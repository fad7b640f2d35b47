import { expect, test } from 'vitest';
import { arrays } from './arrays.ts';
import { gather } from './gather.ts';

const image = Float32Array.from({ length: 5 * 20 }, (_, i) => i / 7);
const pixels = Uint8Array.from({ length: 5 * 33 }, (_, i) => (i * 31) % 256);
const label = Int32Array.of(4, -1, 2, 7, 0);
const source = arrays({
  image: { data: image, shape: [5, 4, 5] },
  pixels: { data: pixels, shape: [5, 33] },
  pair: { data: Float32Array.from({ length: 10 }, (_, i) => -i), shape: [5, 2] },
  label,
});

const rows = (shared: boolean) => {
  const room = (bytes: number) => (shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  return {
    image: new Float32Array(room(4 * 60)),
    pixels: new Uint8Array(room(99)),
    pair: new Float32Array(room(4 * 6)),
    label: new Int32Array(room(4 * 3)),
  };
};

test.each([true, false])('a batch is what the samples are, in shared memory: %s', (shared) => {
  const into = rows(shared);
  expect(gather(source, [3, 0, 3], into)).toBe(true);
  for (const [row, index] of [3, 0, 3].entries()) {
    const sample = source.sample(index) as Record<keyof typeof into, Float32Array | Uint8Array | Int32Array>;
    for (const name of ['image', 'pixels', 'pair', 'label'] as const) {
      const size = into[name].length / 3;
      expect(into[name].slice(row * size, (row + 1) * size)).toEqual(sample[name]);
    }
  }
});

test('fields that nobody asks for are left out', () => {
  const { label: only } = rows(true);
  expect(gather(source, [1, 2, 4], { label: only })).toBe(true);
  expect([...only]).toEqual([-1, 2, 0]);
});

test('a source that gives other samples than the one it was made from is left to its own function', () => {
  const doubled = { ...source, sample: (i: number) => ({ label: Int32Array.of(2 * (label[i] as number)) }) };
  expect(gather(doubled, [0], { label: new Int32Array(1) })).toBe(false);
  expect(gather({ ...source }, [0], { label: new Int32Array(1) })).toBe(true);
});

test('rows of another dtype are left to the conversion of single values', () => {
  const into = new Float32Array(1);
  expect(gather(source, [1], { label: into })).toBe(false);
  expect(into[0]).toBe(0);
});
