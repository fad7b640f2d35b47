import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { train } from '@lockstep/coordinator';

// Steps per second of the GPT job on 1, 2, ... threads, in one run: windows of each take turns, medians are compared. On a shared
// machine absolute numbers drift by tens of percent; the ratio is what counts. Windows during which other processes took more than
// a tenth of a core are measured again.

const job = fileURLToPath(new URL('../examples/char-gpt.ts', import.meta.url));
const windows = Number(process.argv[2] ?? 5);
const steps = Number(process.argv[3] ?? 80);
const warmUp = 10;
const counts = Array.from({ length: Math.min(16, availableParallelism()) }, (_, i) => i + 1).filter(
  (n) => n <= 2 || n % 2 === 0,
);

interface Window {
  readonly stepsPerSecond: number;
  /** Cores that other processes kept busy meanwhile. */
  readonly foreignCores: number;
}

/** Milliseconds that all cores were busy since the start of the machine, without this process' own. */
function foreignMs(): number {
  const busy = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const own = process.cpuUsage();
  return busy - (own.user + own.system) / 1000;
}

async function measure(threads: number): Promise<Window> {
  const data = process.env.LOCKSTEP_DATA;
  const run = train(job, { threads, steps, ...(data && { data }), stopAtStep: steps - 1 });
  let from = { ms: 0, foreign: 0 };
  let to = from;
  for await (const event of run) {
    if (event.type === 'step' && event.step === warmUp) from = { ms: performance.now(), foreign: foreignMs() };
    if (event.type === 'step' && event.step === steps - 1) to = { ms: performance.now(), foreign: foreignMs() };
  }
  await (await run.done).model.close();
  const ms = to.ms - from.ms;
  return { stepsPerSecond: ((steps - 1 - warmUp) / ms) * 1000, foreignCores: (to.foreign - from.foreign) / ms };
}

/** The first of a few windows that nobody disturbed. */
async function stepsPerSecond(threads: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const window = await measure(threads);
    if (window.foreignCores < 0.1) return window.stepsPerSecond;
    disturbed++;
    if (attempt === 8) return Number.NaN;
  }
}

let disturbed = 0;
function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

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
if (disturbed > 0) console.log(`${disturbed} windows were disturbed by other processes and measured again.`);
