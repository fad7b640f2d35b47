import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jobText, lockstep, UserFolder } from './support/run-cli.ts';

// Stopping, resuming, and checkpoints that are damaged or of another run.

const long = jobText({ steps: '1000000', checkpointEvery: '50' });

const doneOf = (stdout: string) =>
  JSON.parse(stdout.trim().split('\n').at(-1) as string) as { type: string; steps: number; digest: string };

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends at a step boundary with a checkpoint and exit code 130; resuming goes on with the same bits',
  async (signal) => {
    using folder = new UserFolder();
    const job = folder.write('job.ts', long);
    const out = join(folder.path, 'run');
    let sent = false;
    const stopped = await lockstep(['train', job, '--out', out, '--json'], {
      onLine: (line, child) => {
        if (sent || !line.startsWith('{"type":"step"')) return;
        sent = true;
        child.kill(signal);
      },
    });
    expect(stopped.code).toBe(130);
    const { steps } = doneOf(stopped.stdout);
    expect(doneOf(stopped.stdout)).toMatchObject({ type: 'done', interrupted: true });
    expect(readdirSync(out)).toContain(`step-${String(steps).padStart(9, '0')}`);

    const end = steps + 25;
    const resumed = await lockstep([
      'train',
      job,
      '--out',
      out,
      '--resume',
      '--json',
      '--stop-at',
      String(end),
      '--threads',
      '3',
    ]);
    expect(resumed.code).toBe(0);
    const whole = await lockstep([
      'train',
      job,
      '--out',
      join(folder.path, 'whole'),
      '--json',
      '--stop-at',
      String(end),
      '--threads',
      '1',
    ]);
    expect(doneOf(resumed.stdout)).toMatchObject({ steps: end, digest: doneOf(whole.stdout).digest });
    const same = await lockstep(['verify', out, join(folder.path, 'whole')]);
    expect(same).toMatchObject({
      code: 0,
      stdout: `The same: ${end} steps with equal digests, losses and schedules.\n`,
    });
  },
);

test('the command that it says goes on with the run as it was, in its mode and open for workers', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', long);
  const flags = ['--mode', 'local', '--local-steps', '4', '--replicas', '3', '--listen', '127.0.0.1:0'];
  const out = join(folder.path, 'run');
  let sent = false;
  const stopped = await lockstep(['train', job, '--out', out, ...flags, '--threads', '1', '--json'], {
    onLine: (line, child) => {
      if (sent || !line.startsWith('{"type":"step"')) return;
      sent = true;
      child.kill('SIGINT');
    },
  });
  const said = /Go on with: lockstep (.*)$/m.exec(stopped.stderr)?.[1] as string;
  expect(said).toBe(`train ${job} --out ${out} --resume --threads 1 --listen 127.0.0.1:0`);
  const { steps } = doneOf(stopped.stdout);
  const resumed = await lockstep([...said.split(' '), '--json', '--stop-at', String(steps + 4)]);
  const start = JSON.parse(resumed.stdout.split('\n')[0] as string) as Record<string, unknown>;
  expect(start).toMatchObject({ type: 'start', mode: 'local', fromStep: steps, address: expect.any(String) });
  expect(doneOf(resumed.stdout)).toMatchObject({ steps: steps + 4 });
  expect(resumed.code).toBe(0);
});

test('killed without a word, a run resumes from its newest checkpoint; steps computed again must match the journal', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', long);
  const out = join(folder.path, 'run');
  let checkpoints = 0;
  const killed = await lockstep(['train', job, '--out', out, '--json'], {
    onLine: (line, child) => {
      if (line.startsWith('{"type":"checkpoint"') && ++checkpoints === 2) child.kill('SIGKILL');
    },
  });
  expect(killed.code).toBe(null);
  // As if the kill had come later: the journal is ahead of the newest checkpoint, and its last line is torn.
  const newest = readdirSync(out).findLast((name) => name.startsWith('step-')) as string;
  rmSync(join(out, newest), { recursive: true });
  const journal = join(out, 'journal.txt');
  writeFileSync(journal, readFileSync(journal, 'utf8').trimEnd().slice(0, -5));

  const end = Number(newest.slice(5)) + 10;
  const copy = join(folder.path, 'copy');
  cpSync(out, copy, { recursive: true });
  const resumed = await lockstep(['train', job, '--out', out, '--resume', '--json', '--stop-at', String(end)]);
  expect(resumed.code).toBe(0);
  const whole = join(folder.path, 'whole');
  await lockstep(['train', job, '--out', whole, '--stop-at', String(end)]);
  expect((await lockstep(['verify', out, whole])).code).toBe(0);

  // A journal that says otherwise stops the run and names the step.
  const lines = readFileSync(join(copy, 'journal.txt'), 'utf8').split('\n');
  const at = Number(newest.slice(5)) - 1;
  lines[at - 1] = (lines[at - 1] as string).replace(/ lr=./, ' lr=0');
  writeFileSync(join(copy, 'journal.txt'), lines.join('\n'));
  const refused = await lockstep(['train', job, '--out', copy, '--resume', '--stop-at', String(end)]);
  expect(refused.stderr).toMatch(new RegExp(`lockstep: Step ${at} gave other bits than before the resume`));
  expect(refused.code).toBe(1);
});

test('a second Ctrl-C ends at once', async () => {
  using folder = new UserFolder();
  // Never reaches a step boundary: the data source blocks the engine's thread.
  const job = folder.write(
    'job.ts',
    jobText({
      data: `() => ({ train: { length: 40, digest: 'none', sample: (i) => {
        if (i > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
        return { x: [0, 0], label: 0 };
      } } })`,
    }),
  );
  const slow = await lockstep(['train', job, '--out', join(folder.path, 'run'), '--json'], {
    onLine: (line, child) => {
      if (!line.includes('"start"')) return;
      child.stderr?.on('data', (text) => {
        if (String(text).includes('once more')) child.kill('SIGINT');
      });
      child.kill('SIGINT');
    },
  });
  expect(slow.code).toBe(130);
});

test('a folder that holds a run is not overwritten', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', jobText());
  const out = join(folder.path, 'run');
  expect((await lockstep(['train', job, '--out', out])).code).toBe(0);
  const before = readFileSync(join(out, 'journal.txt'), 'utf8');
  const again = await lockstep(['train', job, '--out', out]);
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/already holds a run .*--resume, or choose another --out/);
  expect(readFileSync(join(out, 'journal.txt'), 'utf8')).toBe(before);
});

test('a checkpoint of another run is refused by name of the difference, and kept', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', jobText());
  const out = join(folder.path, 'run');
  await lockstep(['train', job, '--out', out]);
  const other = await lockstep(['train', job, '--out', out, '--resume', '--seed', '4']);
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/is a checkpoint of another run \(its seed is 3, not 4\)/);
  const model = folder.write('other.ts', jobText({ optimizer: 'optim.sgd({ lr: 0.1, momentum: 0.8 })' }));
  expect((await lockstep(['train', model, '--out', out, '--resume'])).stderr).toMatch(
    /model, loss or optimizer differs/,
  );
  expect(existsSync(join(out, 'step-000000012', 'manifest.json'))).toBe(true);
});

test('a damaged checkpoint is left out with a word; with none left the run is refused', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', jobText({ checkpointEvery: '4' }));
  const out = join(folder.path, 'run');
  const first = await lockstep(['train', job, '--out', out, '--json']);
  const copy = join(folder.path, 'copy');
  cpSync(out, copy, { recursive: true });
  truncateSync(join(out, 'step-000000012', 'model.safetensors'), 100);
  const resumed = await lockstep(['train', job, '--out', out, '--resume', '--json']);
  expect(resumed.stdout).toMatch(/"type":"warning".*step-000000012 is left out: .*model.safetensors is damaged/);
  expect(doneOf(resumed.stdout).digest).toBe(doneOf(first.stdout).digest);
  for (const name of readdirSync(copy).filter((entry) => entry.startsWith('step-'))) {
    writeFileSync(join(copy, name, 'manifest.json'), '{}');
  }
  const refused = await lockstep(['train', job, '--out', copy, '--resume']);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/None of the 3 checkpoints in .* can be used/);
});

test('inspect, eval and predict read a run; predict needs no job file', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', jobText());
  const out = join(folder.path, 'run');
  const trained = await lockstep(['train', job, '--out', out, '--json']);
  const events = trained.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; metrics: { loss: number } });
  expect(new Set(events.map(({ type }) => type))).toEqual(
    new Set(['start', 'step', 'epoch', 'eval', 'checkpoint', 'done']),
  );
  const inspected = JSON.parse((await lockstep(['inspect', out, '--json'])).stdout) as {
    digest: string;
    total: number;
  };
  expect(inspected).toMatchObject({ digest: doneOf(trained.stdout).digest, total: 2 * 16 + 16 + 16 * 3 + 3 });
  const evaluated = JSON.parse((await lockstep(['eval', out, '--json', '--threads', '2'])).stdout) as {
    metrics: { loss: number };
  };
  expect(evaluated.metrics.loss).toBe(events.filter(({ type }) => type === 'eval').at(-1)?.metrics.loss);

  const moved = join(folder.path, 'elsewhere');
  cpSync(join(out, 'step-000000012'), moved, { recursive: true });
  const json = await lockstep(['predict', moved, '-'], { input: '{"x":[0.5,0.25]}\n{"x":[1,2]}\n' });
  expect(json.code).toBe(0);
  const rows = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { output: number[] });
  expect(rows.map(({ output }) => output.length)).toEqual([3, 3]);
  const csv = folder.write('rows.csv', 'x.0,x.1\n0.5,0.25\n1,2\n');
  expect((await lockstep(['predict', moved, csv])).stdout).toBe(json.stdout);
  const wrong = await lockstep(['predict', moved, '-'], { input: '{"x":[1,2,3]}\n' });
  expect(wrong.stderr).toMatch(/field "x" has 3 values in row 0; every row must have shape \[2\]/);
  expect(wrong.code).toBe(1);
  expect((await lockstep(['predict', moved, '-'], { input: 'nonsense\n' })).stderr).toMatch(/-:1 is not a JSON object/);
});
