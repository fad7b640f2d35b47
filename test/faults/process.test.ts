import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { golden } from '../support/jobs.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// F8 (the storage half), F27, F37: one process of a run, and what is done to it.

const long = jobText({ steps: '1000000', checkpointEvery: '20' });

/** Names, sizes and times of all that is in a folder. */
const listing = (dir: string): string[] =>
  (readdirSync(dir, { recursive: true }) as string[]).sort().map((name) => {
    const { size, mtimeMs } = statSync(join(dir, name));
    return `${name} ${size} ${mtimeMs}`;
  });

test('a run that is frozen, and woken after another process went on with it, says so and changes nothing', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', long);
  const out = join(folder.path, 'run');
  let second: Awaited<ReturnType<typeof lockstep>> | undefined;
  let before: string[] = [];
  let frozen = false;
  const first = await lockstep(['train', job, '--out', out, '--json'], {
    onLine: (line, child) => {
      if (frozen || !line.startsWith('{"type":"checkpoint"')) return;
      frozen = true;
      child.kill('SIGSTOP');
      void lockstep(['train', job, '--out', out, '--resume', '--json', '--stop-at', '60']).then((result) => {
        second = result;
        before = listing(out);
        child.kill('SIGCONT');
      });
    },
  });
  expect(second?.code).toBe(0);
  expect(first.code).toBe(1);
  expect(first.stderr).toMatch(
    /^lockstep: Another process has gone on with the run of .* \(start 2, this one is 1\): this one stops and writes nothing more\.$/m,
  );
  // A write that was under way when it was frozen is of the same bytes.
  expect(listing(out).map((line) => line.split(' ')[0])).toEqual(before.map((line) => line.split(' ')[0]));
  const whole = join(folder.path, 'whole');
  await lockstep(['train', job, '--out', whole, '--stop-at', '60', '--threads', '1']);
  expect((await lockstep(['verify', out, whole])).code).toBe(0);
});

test('a data file that changes during a run changes no bit of it, and a resume with it is refused', async () => {
  using folder = new UserFolder();
  const rows = (n: number, salt: number) =>
    Array.from({ length: n }, (_, i) => `${(i * 7 + salt) % 11},${(i * 3) % 5},${i % 3}`).join('\n');
  const csv = folder.write('rows.csv', `a,b,label\n${rows(60, 0)}\n`);
  const job = folder.write(
    'job.ts',
    jobText({
      data: `() => ({ train: data.csv(${JSON.stringify(csv)}, { fields: { x: { columns: ['a', 'b'] }, label: { columns: 'label', dtype: 'i32' } } }) })`,
      steps: '1000000',
      checkpointEvery: '20',
      step: '({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) })',
    }),
  );
  const out = join(folder.path, 'run');
  const original = readFileSync(csv);
  const whole = join(folder.path, 'whole');
  expect((await lockstep(['train', job, '--out', whole, '--stop-at', '40'])).stderr).not.toMatch(/^lockstep:/m);
  let changed = false;
  const run = await lockstep(['train', job, '--out', out, '--json', '--stop-at', '40'], {
    onLine: (line) => {
      if (changed || !line.startsWith('{"type":"step"')) return;
      changed = true;
      writeFileSync(csv, `a,b,label\n${rows(30, 1)}\n`);
    },
  });
  expect(run.code).toBe(0);
  expect((await lockstep(['verify', out, whole])).code).toBe(0);
  const refused = await lockstep(['train', job, '--out', out, '--resume', '--stop-at', '60']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/is a checkpoint of another run \(its data differs\)/);
  writeFileSync(csv, original);
  expect((await lockstep(['train', job, '--out', out, '--resume', '--stop-at', '60'])).code).toBe(0);
});

// --jitless leaves no WebAssembly to run.
test.each(['--no-opt', '--liftoff-only', '--no-liftoff'])('V8 with %s gives the same digest', async (flag) => {
  const script = fileURLToPath(new URL('../support/print-digest.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [flag, script, 'mlp', '2']);
  expect(stdout.trim()).toBe(golden.mlp);
});
