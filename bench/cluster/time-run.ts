import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const lockstepBin = fileURLToPath(new URL('../../packages/coordinator/bin/lockstep.js', import.meta.url));

/** How a job is trained: by two threads, or by workers that join on loopback. */
export interface Way {
  readonly name: string;
  /** Names of workers with a thread each; none: two threads of one process. */
  readonly workers: readonly string[];
  /** Of `lockstep train`. */
  readonly flags: readonly string[];
  /** Folder with the certificates of `coordinator` and of each worker. */
  readonly certificates: string | undefined;
}

export interface Timed {
  /** After the first quarter of the steps: code is compiled, connections are warm. */
  readonly stepsPerSecond: number;
  readonly parameters: number;
  /** Bytes of sums that a worker sent in a step; 0 without workers. */
  readonly sumBytesPerStep: number;
  readonly digest: string;
}

interface Event {
  readonly type: string;
  readonly step: number;
  readonly address?: string;
  readonly parameters?: number;
  readonly digest?: string;
}

export async function timeRun(job: string, steps: number, { workers, flags, certificates }: Way): Promise<Timed> {
  const out = mkdtempSync(join(tmpdir(), 'lockstep-run-'));
  const file = fileURLToPath(new URL(`../work/${job}.ts`, import.meta.url));
  const secured = (who: string) => (certificates ? ['--certs', join(certificates, who)] : []);
  const shared =
    workers.length === 0
      ? ['--threads', '2']
      : [
          '--listen',
          '127.0.0.1:0',
          '--threads',
          '0',
          '--min-workers',
          String(workers.length),
          ...secured('coordinator'),
        ];
  const args = ['train', file, '--steps', String(steps), '--json', '--out', join(out, 'run'), ...flags, ...shared];
  const run = spawn(process.execPath, [lockstepBin, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended: Promise<unknown>[] = [];
  let told = '';
  const joinAs = (address: string, name: string) => {
    const more = ['--join', address, '--threads', '1', '--name', name, ...secured(name)];
    const worker = spawn(process.execPath, [lockstepBin, 'worker', ...more], { stdio: ['ignore', 'ignore', 'pipe'] });
    worker.stderr.on('data', (text) => {
      told += text;
    });
    ended.push(once(worker, 'close'));
  };
  const skipped = Math.max(1, Math.floor(steps / 4));
  /** Steps that were done when a group of events came: of several only the last one has just ended. */
  const seen: { step: number; ms: number }[] = [];
  let [parameters, digest, rest] = [0, '', ''];
  run.stdout.on('data', (chunk) => {
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    const events = lines.map((line) => JSON.parse(line) as Event);
    for (const event of events) {
      if (event.type === 'start') {
        parameters = event.parameters ?? 0;
        if (event.address) for (const name of workers) joinAs(event.address, name);
      }
      if (event.type === 'done') digest = event.digest ?? '';
    }
    const last = events.findLast(({ type }) => type === 'step');
    if (last && last.step >= skipped) seen.push({ step: last.step, ms: performance.now() });
  });
  const [code] = await once(run, 'close');
  await Promise.all(ended);
  rmSync(out, { recursive: true });
  const [from, to] = [seen[0], seen.at(-1)];
  if (code !== 0 || !from || !to) throw new Error(`${job} ended with exit code ${code}`);
  const sums = [...told.matchAll(/(\d+) of them sums/g)].map(([, bytes]) => Number(bytes));
  return {
    stepsPerSecond: (to.step - from.step) / ((to.ms - from.ms) / 1000),
    parameters,
    sumBytesPerStep: Math.max(0, ...sums) / steps,
    digest,
  };
}
