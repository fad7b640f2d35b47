import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { train } from '@lockstep/coordinator';
import { createHarness } from '../packages/core/src/kernels/kernel-harness.ts';
import { peakMiB, refuse, serve, serveSteps } from './serve.ts';
import { type Work, works } from './works.ts';

// One contender of bench/run.ts: `lockstep-subject.ts WORK THREADS [SHARDS]`. Journal, checkpoints and events are on, as in any run.

const [id = '', threadsText = '1', shardsText] = process.argv.slice(2);
const threads = Number(threadsText);
const shards = shardsText === undefined ? {} : { shards: Number(shardsText) };
const warmUpSteps = 4;
const name = `Lockstep, Node ${process.versions.node}`;

/** Units per second of a run, from a step after its warm-up to one at least `ms` later. */
async function trainFor({ job, units }: Work, ms: number): Promise<number> {
  const out = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const run = train(job as string, { threads, ...shards, out, steps: 1_000_000 });
  let from = { step: 0, ms: Infinity };
  let to = from;
  for await (const event of run) {
    if (event.type !== 'step') continue;
    const now = { step: event.step, ms: performance.now() };
    if (event.step === warmUpSteps) from = now;
    else if (to === from || to.ms - from.ms < ms) to = now;
    if (now.ms - from.ms >= ms) run.stop();
  }
  await (await run.done).model.close();
  rmSync(out, { recursive: true });
  return ((to.step - from.step) * units) / ((to.ms - from.ms) / 1000);
}

function product(size: number): () => void {
  const h = createHarness();
  const operand = () =>
    h.f32(Float32Array.from({ length: size * size }, (_, i) => ((i * 2654435761) % 1000) / 1000 - 0.5));
  const [a, b, out] = [operand(), operand(), h.alloc(size * size)];
  return () => h.call('matmul', out, a, b, size, size, size, size, 1, size, 1, 1, 0, 0, 0, 0, 0, 0, h.scratch);
}

const work = works.find((candidate) => candidate.id === id) as Work;
if (work.job) {
  await trainFor(work, 0);
  // Of one run: each window is another, and what is freed of the one before is up to the garbage collector.
  const peak = peakMiB();
  await serve(
    name,
    (ms) => trainFor(work, ms),
    () => peak,
  );
} else if (threads > 1) refuse('a product by itself runs on one thread: threads share out the samples of a batch');
else await serveSteps(name, work.units, product(Number(id.slice('gemm-'.length))));
