import { getEnvironmentData } from 'node:worker_threads';
import { defineJob } from '@lockstep/core';
import { type Gate, gateKey, gateWord } from '../gate.ts';

const { job, words } = getEnvironmentData(gateKey) as unknown as Gate;
const inner = (await import(job)).default;

/** Another job, which waits before a sample until the benchmark lets it have so many: its engine sleeps there, and then its threads. */
export default defineJob({
  ...inner,
  data: async (context) => {
    const { train } = await inner.data(context);
    const sample = (index: number) => {
      const taken = Atomics.add(words, gateWord.taken, 1);
      for (;;) {
        const allowed = Atomics.load(words, gateWord.allowed);
        if (taken < allowed) return train.sample(index);
        Atomics.store(words, gateWord.waiting, 1);
        Atomics.notify(words, gateWord.waiting);
        Atomics.wait(words, gateWord.allowed, allowed);
      }
    };
    return { train: Object.create(train, { sample: { value: sample } }) };
  },
});
