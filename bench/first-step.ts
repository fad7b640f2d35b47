import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// `npm run bench:start [-- WORK]`: milliseconds until the first step's event is in the caller's hands (default: W3). *Cold* counts from the start of
// the process and includes Node, imports and the compilation of the kernels; *warm* counts from the call to train() in a process that has trained.

const startedMs = performance.now();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    once: { type: 'boolean', default: false },
    processes: { type: 'string', default: '3' },
    runs: { type: 'string', default: '5' },
  },
});
const [work = 'w3'] = positionals;

interface Times {
  readonly nodeMs: number;
  readonly importMs: number;
  readonly coldMs: number;
  readonly warmMs: readonly number[];
}

async function measure(runs: number): Promise<Times> {
  const [{ train }, { works }] = await Promise.all([import('@lockstep/coordinator'), import('./works.ts')]);
  const { job } = works.find(({ id }) => id === work) as { job: string };
  const importedMs = performance.now();
  const firstStep = async (): Promise<number> => {
    const run = train(job, { threads: 2, steps: 1 });
    let at = Number.NaN;
    for await (const { type } of run) if (type === 'step') at = performance.now();
    await (await run.done).model.close();
    return at;
  };
  const coldMs = await firstStep();
  const warmMs: number[] = [];
  for (let i = 0; i < runs; i++) {
    const from = performance.now();
    warmMs.push((await firstStep()) - from);
  }
  return { nodeMs: startedMs, importMs: importedMs - startedMs, coldMs, warmMs };
}

if (values.once) console.log(JSON.stringify(await measure(Number(values.runs))));
else {
  const { median } = await import('./result-table.ts');
  const { machine } = await import('./table.ts');
  const args = [fileURLToPath(import.meta.url), '--once', '--runs', values.runs, work];
  const times = Array.from(
    { length: Number(values.processes) },
    () => JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Times,
  );
  const of = (read: (times: Times) => number): string => median(times.map(read)).toFixed(0);
  console.log(
    `First step of ${work} on two threads, medians of ${times.length} processes. ${machine()}\n` +
      `warm, from train() to the event: ${of(({ warmMs }) => median(warmMs))} ms\n` +
      `cold, from the start of the process: ${of(({ coldMs }) => coldMs)} ms, of which Node ${of(({ nodeMs }) => nodeMs)} and imports ${of(({ importMs }) => importMs)}`,
  );
}
