import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { train } from '@lockstep/coordinator';

// Steps per second of the GPT job on 1, 2, ... threads, in one run: windows of each take turns, medians are compared. On a shared
// machine absolute numbers drift by tens of percent; the ratio is what counts.

const job = fileURLToPath(new URL('../examples/char-gpt.ts', import.meta.url));
const windows = Number(process.argv[2] ?? 5);
const steps = Number(process.argv[3] ?? 80);
const warmUp = 10;
const counts = Array.from({ length: Math.min(16, availableParallelism()) }, (_, i) => i + 1).filter(
  (n) => n <= 2 || n % 2 === 0,
);

async function stepsPerSecond(threads: number): Promise<number> {
  const run = train(job, {
    threads,
    steps,
    ...(process.env.LOCKSTEP_DATA && { data: process.env.LOCKSTEP_DATA }),
    stopAtStep: steps - 1,
  });
  let from = 0;
  let to = 0;
  for await (const event of run) {
    if (event.type === 'step' && event.step === warmUp) from = performance.now();
    if (event.type === 'step') to = performance.now();
  }
  await (await run.done).model.close();
  return (steps - 1 - warmUp) / ((to - from) / 1000);
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
const results = new Map<number, number[]>(counts.map((n) => [n, []]));
for (let window = 0; window < windows; window++) {
  for (const threads of counts) results.get(threads)?.push(await stepsPerSecond(threads));
}
const one = median(results.get(1) as number[]);
console.log(
  `GPT job (examples/char-gpt.ts), ${windows} windows of ${steps - 1 - warmUp} steps each, Node ${process.versions.node}`,
);
for (const [threads, values] of results) {
  const perSecond = median(values);
  console.log(
    `${threads} thread${threads === 1 ? ' ' : 's'}  ${perSecond.toFixed(2)} steps/s  x ${(perSecond / one).toFixed(2)}`,
  );
}
