import { expect, test } from 'vitest';
import { blobs, spirals } from './generated.ts';
import type { Sample } from './source.ts';

const at = (source: ReturnType<typeof spirals>, i: number) =>
  source.sample(i) as Sample & { x: Float32Array; label: Int32Array };

test.each([
  ['spirals', spirals, 'cc5b1930210d23ad2b1819cac0f2ca79e80a6acd206ed5d688217eada6bccf11'],
  ['blobs', blobs, '764b970439eb81aad0ee1ad1755f2ebb3684f50ffe7cab776b370249694814f4'],
])('%s: as many of each class, the same bytes on every platform for one seed', (_, generate, digest) => {
  const source = generate({ classes: 4, perClass: 10, seed: 3 });
  expect(source.length).toBe(40);
  const labels = Array.from({ length: 40 }, (_, i) => at(source, i).label[0]);
  for (let c = 0; c < 4; c++) expect(labels.filter((label) => label === c)).toHaveLength(10);
  expect(source.digest).toBe(digest);
  expect(generate({ classes: 4, perClass: 10, seed: 4 }).digest).not.toBe(digest);
});

test('spirals lie in the unit disc, blobs around their centres', () => {
  const arms = spirals({ noise: 0 });
  for (let i = 0; i < arms.length; i++) {
    const [x, y] = at(arms, i).x as unknown as [number, number];
    expect(Math.sqrt(x * x + y * y)).toBeLessThan(1);
  }
  const clouds = blobs({ classes: 2, perClass: 5, features: 3, noise: 0 });
  expect(at(clouds, 0).x).toEqual(at(clouds, 4).x);
  expect(at(clouds, 0).x).not.toEqual(at(clouds, 5).x);
  expect(at(clouds, 0).x).toHaveLength(3);
});
