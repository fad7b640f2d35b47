import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lockstepBin, timeRun, type Way } from './cluster/time-run.ts';

// Two gRPC workers of one thread each on loopback beside two threads of one process: `node bench/cluster.ts [--steps N] [--rounds N] [--ways
// expression] [job…]`. Runs take turns, and each is compared with those of its own round: a machine that others use as well is faster in one
// round than in the next.

const { values: flags, positionals } = parseArgs({
  options: {
    steps: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    ways: { type: 'string', default: '' },
  },
  allowPositionals: true,
});
const jobs = positionals.length > 0 ? positionals : ['w5-resnet', 'd-gpt-16'];
const rounds = Number(flags.rounds);
/** A step of the GPT takes two seconds. */
const stepsOf = (job: string) => Number(flags.steps ?? (job === 'd-gpt-16' ? 8 : 120));

const folder = mkdtempSync(join(tmpdir(), 'lockstep-bench-'));
const certs = (...args: string[]) => execFileSync(process.execPath, [lockstepBin, 'certs', ...args]);
const certificates = ['coordinator', 'a', 'b'].map((name) => join(folder, name));
certs('init', join(folder, 'ca'));
for (const out of certificates) {
  const name = out.slice(folder.length + 1);
  const who = name === 'coordinator' ? [name] : ['worker', name];
  certs('issue', ...who, '--host', '127.0.0.1', '--ca', join(folder, 'ca'), '--out', out);
}

const cluster = (placement: string, reduce: string, tls: boolean): Way => ({
  name: `${placement}, ${reduce}${tls ? ', TLS' : ''}`,
  workers: ['a', 'b'],
  flags: ['--placement', placement, '--reduce', reduce],
  certificates: tls ? folder : undefined,
});
const threads = (reduce: string): Way => ({
  name: `two threads, ${reduce}`,
  workers: [],
  flags: ['--reduce', reduce],
  certificates: undefined,
});
const bases = ['f32', 'bf16'].map(threads);
const others = ['workers', 'coordinator']
  .flatMap((placement) =>
    [false, true].flatMap((tls) => ['bf16', 'f32'].map((reduce) => cluster(placement, reduce, tls))),
  )
  .filter(({ name }) => new RegExp(flags.ways).test(name));
const ways = [...bases, ...others];

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

try {
  for (const job of jobs) {
    const timed = ways.map(() => [] as Awaited<ReturnType<typeof timeRun>>[]);
    for (let round = 0; round < rounds; round++)
      for (const [i, way] of ways.entries()) timed[i]?.push(await timeRun(job, stepsOf(job), way));
    const rate = (i: number, round: number) => timed[i]?.[round]?.stepsPerSecond ?? Number.NaN;
    const ratio = (i: number, base: number) =>
      median(Array.from({ length: rounds }, (_, round) => rate(i, round) / rate(base, round)));
    console.log(
      `${job}: steps per second, of two threads with f32 and with bf16; MB of sums that a worker sends in a step, least of a ring`,
    );
    ways.forEach(({ name, workers, flags: given }, i) => {
      const { parameters, sumBytesPerStep } = (timed[i] as (typeof timed)[number])[0] as Awaited<
        ReturnType<typeof timeRun>
      >;
      // Each of n members sends 2 (n - 1) / n of a vector: all of it where there are two.
      const ring = parameters * (given.includes('bf16') ? 2 : 4);
      const bytes = workers.length > 0 ? `  ${(sumBytesPerStep / 1e6).toFixed(3)} (${(ring / 1e6).toFixed(3)})` : '';
      const rates = median(Array.from({ length: rounds }, (_, round) => rate(i, round)));
      const ratios = [0, 1].map((base) => ratio(i, base).toFixed(2)).join('  ');
      console.log(`  ${name.padEnd(24)} ${rates.toFixed(3).padStart(8)}  ${ratios}${bytes}`);
    });
  }
} finally {
  rmSync(folder, { recursive: true });
}
