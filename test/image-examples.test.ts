import { fileURLToPath } from 'node:url';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { ops } from '@lockstep/core';
import { describe, expect, test } from 'vitest';
import { example } from '../examples/mobilenet.ts';
import { multiplyAdds } from '../examples/support/multiply-adds.ts';

const run = (name: string, options: TrainOptions) =>
  train(fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url)), options).done;

// The examples on images for a few steps: the weights are the same for any number of threads.
describe.each(['mobilenet', 'resnet', 'segmentation', 'detection'])('%s', (name) => {
  test('one digest for 1, 2 and 3 threads, merged or not, widened or not', async () => {
    const { digest } = await run(name, { steps: 2, threads: 1 });
    for (const options of [{ threads: 2 }, { threads: 3, mergeShards: false, widen: false }])
      expect(await run(name, { steps: 2, ...options })).toMatchObject({ digest });
  });
});

test('segmentation learns within an epoch', async () => {
  // its own initial weights need both epochs: 0.66 after one, 0.99 after two
  const { metrics } = await run('segmentation', { epochs: 1, threads: 2, seed: 2 });
  expect(metrics.iou).toBeGreaterThan(0.8);
});

test('multiply-adds of convolutions and products', () => {
  const image = ops.zeros([1, 3, 8, 8]);
  const y = ops.conv2d(image, ops.zeros([5, 3, 3, 3]), undefined, { stride: 2, padding: 1 });
  expect(multiplyAdds(y)).toBe(5 * 3 * 9 * 16);
  const depthwise = ops.conv2d(image, ops.zeros([3, 1, 3, 3]), undefined, { groups: 3 });
  expect(multiplyAdds(depthwise)).toBe(3 * 9 * 36);
  expect(multiplyAdds(ops.linear(y.flatten(1), ops.zeros([10, 80])))).toBe(5 * 3 * 9 * 16 + 800);
});

test('the mobile network costs at most a third of the plain one', async () => {
  const share = example.figures.find(({ name }) => name.startsWith('share'));
  const value = (await share?.of({ metrics: {}, loss: 0, seed: 1 } as never)) as number;
  expect(value).toBeGreaterThan(0.05);
  expect(value).toBeLessThanOrEqual(1 / 3);
});
