import { expect, test } from 'vitest';
import { stream } from './stream.ts';

const numbers = (count: number) =>
  async function* () {
    for (let i = 0; i < count; i++) yield { x: i };
  };

async function read(source: ReturnType<typeof stream>, from: number, to: number): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let i = from; i < to; i++) values.push((await source.sample(i)).x);
  return values;
}

test('without a buffer samples come in their own order, and again from the beginning', async () => {
  expect(await read(stream(numbers(3)), 0, 8)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
  expect(
    await read(
      stream(() => [{ x: 5 }]),
      0,
      2,
    ),
  ).toEqual([5, 5]);
});

test('a buffer shuffles, the same for a seed, and loses nothing', async () => {
  const shuffled = await read(stream(numbers(1000), { shuffleBuffer: 20 }), 0, 200);
  expect(shuffled).not.toEqual(shuffled.toSorted((a, b) => Number(a) - Number(b)));
  expect(new Set(shuffled).size).toBe(200);
  expect(Math.max(...(shuffled as number[]))).toBeLessThan(220);
  expect(await read(stream(numbers(1000), { shuffleBuffer: 20 }), 0, 200)).toEqual(shuffled);
  expect(await read(stream(numbers(1000), { shuffleBuffer: 20, seed: 1 }), 0, 200)).not.toEqual(shuffled);
});

test('skipping ahead and going back give what reading through gives', async () => {
  const whole = await read(stream(numbers(50), { shuffleBuffer: 7 }), 0, 90);
  const source = stream(numbers(50), { shuffleBuffer: 7 });
  expect(await read(source, 60, 90)).toEqual(whole.slice(60));
  expect(await read(source, 10, 20)).toEqual(whole.slice(10, 20));
});

test('arrays may be reused by the stream', async () => {
  const reusing = function* () {
    const x = new Float32Array(1);
    for (let i = 0; i < 9; i++) {
      x[0] = i;
      yield { x };
    }
  };
  const source = stream(reusing, { shuffleBuffer: 3 });
  const seen = [];
  for (let i = 0; i < 6; i++) seen.push((await source.sample(i)).x[0]);
  expect(new Set(seen).size).toBe(6);
});

test('what cannot be meant is refused', async () => {
  expect(() => stream(numbers(1), { shuffleBuffer: 1.5 })).toThrow('shuffleBuffer must be a whole number');
  await expect(async () => stream(numbers(0)).sample(0)).rejects.toThrow('the stream is empty');
});
