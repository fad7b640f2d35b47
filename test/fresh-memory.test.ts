import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunEvent, train } from '@lockstep/coordinator';
import { defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { afterAll, expect, test } from 'vitest';

// Memory that nobody has written to is slow: the system gives its pages one by one, at their first touch. A run lays out its memory once, the first step
// goes through all that steps need, and no later step sees a new page. Counted by the system, so nothing here depends on time.

const folder = mkdtempSync(join(tmpdir(), 'lockstep-fresh-'));
afterAll(() => rmSync(folder, { recursive: true }));

const width = 1024;

class Net extends nn.Module {
  a = new nn.Linear(64, width);
  b = new nn.Linear(width, width);
  c = new nn.Linear(width, 4);
  forward(x: Tensor): Tensor {
    return this.c.forward(this.b.forward(this.a.forward(x).gelu()).gelu());
  }
}

const samples = (length: number) => ({
  length,
  digest: 'none',
  sample: (i: number) => ({ x: Float32Array.from({ length: 64 }, (_, j) => Math.sin(i + j)), label: i % 4 }),
});

const job = defineJob({
  name: 'fresh-memory',
  data: () => ({ train: samples(64 * 10), test: samples(64) }),
  model: () => new Net(),
  batch: { size: 64, shards: 4 },
  steps: 40,
  evalEvery: 10,
  optimizer: optim.adamW({ lr: 1e-3 }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
});

const pageBytes = 4096;

/** How many pages the process had got for the first time when each step was told, and how many pages the run's memory is. */
async function pagesByStep(events: AsyncIterable<RunEvent>): Promise<{ pages: readonly number[]; arena: number }> {
  const pages: number[] = [];
  let arena = 0;
  for await (const event of events) {
    if (event.type === 'start') arena = event.memoryBytes / pageBytes;
    if (event.type === 'step') pages.push(process.resourceUsage().minorPageFault);
  }
  return { pages, arena };
}

test.each([1, 2])('with %i threads no step after the first sees fresh memory', async (threads) => {
  const from = process.resourceUsage().minorPageFault;
  const run = train(job, { threads, out: join(folder, String(threads)), checkpointEvery: 10 });
  const { pages, arena } = await pagesByStep(run);
  await (await run.done).model.close();
  const between = (first: number, last: number) => (pages[last - 1] as number) - (pages[first - 1] as number);
  expect(arena).toBeGreaterThan(8000);
  // What is left is the heaps' of a few threads: their code gets compiled meanwhile.
  expect((pages[0] as number) - from, 'the first step sees the memory of all steps').toBeGreaterThan(arena / 2);
  expect(between(1, 8), 'seven more steps').toBeLessThan(arena / 10);
  // The tenth is followed by the first evaluation and the first copy of the state, which have memory of their own.
  expect(between(13, 38), 'steps, two evaluations and two checkpoints').toBeLessThan(arena / 10);
});
