import { setFlagsFromString } from 'node:v8';
import { train } from '@lockstep/coordinator';
import { jobs } from './jobs.ts';

// node --expose-gc soak.ts: 10 000 steps of a tiny job; prints memory after step 1000 and at the end as JSON.

setFlagsFromString('--expose-gc');
const collect = globalThis.gc as () => void;
const measure = () => {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapUsed, rss };
};

const total = 10_000;
const from = 1_000;
const run = train(jobs.mlp, { steps: total, threads: 2, heapProbeAt: from });
let early = measure();
for await (const event of run) if (event.type === 'step' && event.step === from) early = measure();
const late = measure();
const { threadHeapGrowthBytes, seconds } = await run.done;
console.log(JSON.stringify({ early, late, threadHeapGrowthBytes, seconds, steps: total - from }));
process.exit(0);
