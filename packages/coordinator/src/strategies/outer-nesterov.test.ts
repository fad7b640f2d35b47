import { expect, test } from 'vitest';
import { outerStep } from './outer-nesterov.ts';

const f = Math.fround;

test('follows the formula of SGD with Nesterov momentum; buffers take the mean', () => {
  const layout = { trained: 2, length: 4 };
  const parameters = Float32Array.of(1, -2, 5, 7);
  const velocity = Float32Array.of(0.5, 0, 0, 0);
  outerStep(parameters, velocity, Float32Array.of(0.4, -0.8, 2, 0), 4, layout, { learningRate: 0.7, momentum: 0.9 });
  const way = f(0.4) / 4;
  const v = f(0.9 * 0.5 + way);
  expect(velocity[0]).toBe(v);
  expect(parameters[0]).toBe(f(1 - 0.7 * (way + 0.9 * v)));
  expect(parameters[1]).toBe(f(-2 - 0.7 * (f(-0.8) / 4 + 0.9 * f(f(-0.8) / 4))));
  expect([...parameters.subarray(2)]).toEqual([4.5, 7]);
  expect([...velocity.subarray(2)]).toEqual([0, 0]);
});

test('one replica with learning rate 1 and no momentum ends where it went', () => {
  const start = Float32Array.of(1, 2, 3);
  const end = Float32Array.of(0.5, 2.5, 3.25);
  const parameters = start.slice();
  const ways = start.map((x, i) => x - (end[i] as number));
  outerStep(parameters, new Float32Array(3), ways, 1, { trained: 3, length: 3 }, { learningRate: 1, momentum: 0 });
  expect(parameters).toEqual(end);
});
