import { fileURLToPath } from 'node:url';
import { train } from '@lockstep/coordinator';

// Sequences per second of W4 on one thread, journal and events on: `node bench/lstm.ts [windows] [steps]`. The median of several windows,
// since absolute numbers drift by tens of percent on a shared machine.

const job = fileURLToPath(new URL('./work/w4-lstm.ts', import.meta.url));
const batch = 32;
const warmUp = 10;
const windows = Number(process.argv[2] ?? 5);
const steps = Number(process.argv[3] ?? 60);

async function sequencesPerSecond(): Promise<number> {
  const run = train(job, { threads: 1, steps });
  let [from, to] = [0, 0];
  for await (const event of run) {
    if (event.type !== 'step') continue;
    if (event.step === warmUp) from = performance.now();
    if (event.step === steps - 1) to = performance.now();
  }
  await (await run.done).model.close();
  return ((steps - 1 - warmUp) * batch * 1000) / (to - from);
}

const rates: number[] = [];
for (let window = 0; window < windows; window++) rates.push(await sequencesPerSecond());
rates.sort((a, b) => a - b);
const text = [rates[rates.length >> 1], rates[0], rates.at(-1)].map((rate) => (rate as number).toFixed(0));
console.log(
  `W4, LSTM 64-256, 64 steps, batch ${batch}, one thread: ${text[0]} sequences/s (${text[1]} to ${text[2]} in ${windows} windows of ` +
    `${steps - 1 - warmUp} steps), Node ${process.versions.node}`,
);
