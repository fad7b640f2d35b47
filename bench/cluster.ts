import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Two gRPC workers of one thread each on loopback beside two threads of one process: `node bench/cluster.ts [steps] [rounds] [job…]`. Runs take turns;
// each is timed from its second step on. What the workers moved is counted by themselves.

const bin = fileURLToPath(new URL('../packages/coordinator/bin/lockstep.js', import.meta.url));
const [stepsText = '8', roundsText = '3', ...named] = process.argv.slice(2);
const steps = Number(stepsText);
const rounds = Number(roundsText);
const jobs = named.length > 0 ? named : ['w5-resnet', 'd-gpt-16'];

interface Way {
  readonly name: string;
  /** Of the run; undefined where threads of one process compute. */
  readonly workers?: readonly string[];
  readonly more: readonly string[];
}

const cluster = (placement: string) => ['--placement', placement];
const ways: Way[] = [
  { name: 'two threads, f32', more: [] },
  { name: 'two threads, bf16', more: ['--reduce', 'bf16'] },
  { name: 'workers, bf16', workers: [], more: [...cluster('workers'), '--reduce', 'bf16'] },
  { name: 'workers, f32', workers: [], more: cluster('workers') },
  { name: 'coordinator, bf16', workers: [], more: [...cluster('coordinator'), '--reduce', 'bf16'] },
  { name: 'coordinator, f32', workers: [], more: cluster('coordinator') },
];

interface Timed {
  readonly stepsPerSecond: number;
  readonly parameters: number;
  /** Bytes that a worker sent in a step; 0 without workers. */
  readonly sentPerStep: number;
}

async function time(job: string, { workers, more }: Way): Promise<Timed> {
  const out = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
  const file = fileURLToPath(new URL(`./work/${job}.ts`, import.meta.url));
  const args = ['train', file, '--steps', String(steps), '--json', '--out', join(out, 'run'), ...more];
  const shared = workers ? ['--listen', '127.0.0.1:0', '--threads', '0', '--min-workers', '2'] : ['--threads', '2'];
  const run = spawn(process.execPath, [bin, ...args, ...shared], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended: Promise<unknown>[] = [];
  let told = '';
  let parameters = 0;
  /** Steps that were done when a group of events came: of several only the last one has just ended. */
  const seen: { step: number; ms: number }[] = [];
  let rest = '';
  run.stdout.on('data', (chunk) => {
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    let last = 0;
    for (const line of lines) {
      const event = JSON.parse(line) as { type: string; step: number; address?: string; parameters?: number };
      if (event.type === 'step') last = event.step;
      if (event.type !== 'start') continue;
      parameters = event.parameters ?? 0;
      if (!workers || !event.address) continue;
      for (const name of ['a', 'b']) {
        const join = ['worker', '--join', event.address, '--threads', '1', '--name', name, ...workers];
        const worker = spawn(process.execPath, [bin, ...join], { stdio: ['ignore', 'ignore', 'pipe'] });
        worker.stderr.on('data', (text) => {
          told += text;
        });
        ended.push(once(worker, 'close'));
      }
    }
    if (last > 1) seen.push({ step: last, ms: performance.now() });
  });
  const code = await new Promise((resolve) => run.on('close', resolve));
  await Promise.all(ended);
  rmSync(out, { recursive: true });
  if (code !== 0) throw new Error(`${job} ended with exit code ${code}`);
  const sent = [...told.matchAll(/sent (\d+) bytes/g)].map(([, bytes]) => Number(bytes));
  const [from, to] = [seen[0] as (typeof seen)[number], seen.at(-1) as (typeof seen)[number]];
  return {
    stepsPerSecond: (to.step - from.step) / ((to.ms - from.ms) / 1000),
    parameters,
    sentPerStep: Math.max(0, ...sent) / steps,
  };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

for (const job of jobs) {
  const all = ways.map(() => [] as Timed[]);
  for (let round = 0; round < rounds; round++)
    for (const [i, way] of ways.entries()) all[i]?.push(await time(job, way));
  const rates = all.map((timed) => median(timed.map(({ stepsPerSecond }) => stepsPerSecond)));
  console.log(`${job}: steps per second, of two threads with f32, MB a worker sends in a step (least of a ring)`);
  ways.forEach(({ name, workers, more }, i) => {
    const { parameters, sentPerStep } = (all[i] as Timed[])[0] as Timed;
    const ring = parameters * (more.includes('bf16') ? 2 : 4);
    const bytes = workers ? `  ${(sentPerStep / 1e6).toFixed(2)} (${(ring / 1e6).toFixed(2)})` : '';
    const ratio = (rates[i] as number) / (rates[0] as number);
    console.log(`  ${name.padEnd(20)} ${(rates[i] as number).toFixed(2).padStart(7)}  ${ratio.toFixed(2)}${bytes}`);
  });
}
