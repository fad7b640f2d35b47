import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { version } from '@lockstep/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, jobText, lockstep, UserFolder } from './support/run-cli.ts';

// The outside contract of the commands: folders, flags, environment, streams and exit codes.

interface Event {
  readonly type: string;
  readonly [key: string]: unknown;
}

const eventsOf = ({ stdout }: CliResult): Event[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
const eventOf = (result: CliResult, type: string): Event => eventsOf(result).findLast((e) => e.type === type) as Event;

describe('without a job', () => {
  test.each<[args: string[], code: number, stdout: RegExp, stderr: RegExp]>([
    [[], 2, /^$/, /Usage: lockstep/],
    [['--help'], 0, /^ {2}train[\s\S]*^ {2}eval[\s\S]*^ {2}predict[\s\S]*^ {2}verify[\s\S]*^ {2}inspect/m, /^$/],
    [['train', '--help'], 0, /--checkpoint-every <n>/, /^$/],
    [['--version'], 0, new RegExp(`^${version}\n$`), /^$/],
    [['trian'], 2, /^$/, /unknown command 'trian'/],
    [['train'], 2, /^$/, /missing required argument 'job'/],
    [['inspect', 'nowhere'], 2, /^$/, /^lockstep: nowhere is not a folder: give a run or one of its checkpoints\.\n$/],
    [['predict', 'nowhere', '-'], 2, /^$/, /nowhere is not a folder/],
    [['eval', 'nowhere'], 2, /^$/, /nowhere is not the folder of a run: it has no run\.json/],
    [['verify', 'nowhere', 'nowhere'], 2, /^$/, /nowhere has no journal/],
  ])('lockstep %j', async (args, code, stdout, stderr) => {
    const result = await lockstep(args);
    expect(result.stderr).toMatch(stderr);
    expect(result.stdout).toMatch(stdout);
    expect(result.code).toBe(code);
  });
});

describe('a run', () => {
  let folder: UserFolder;
  let job: string;
  let run: string;
  let first: CliResult;
  beforeAll(async () => {
    folder = new UserFolder();
    job = folder.write('job.ts', jobText({ checkpointEvery: '4' }));
    first = await lockstep(['train', 'job.ts', '--json'], { cwd: folder.path });
    run = join(folder.path, 'runs/job');
  });
  afterAll(() => folder[Symbol.dispose]());

  test('--json is one event per line and nothing else', () => {
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const events = eventsOf(first);
    expect(events[0]).toMatchObject({ type: 'start', job: 'user-job', steps: 12, fromStep: 0 });
    expect(events.filter(({ type }) => type === 'step').map(({ step }) => step)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    expect(eventOf(first, 'eval')).toMatchObject({ step: 12, metrics: { loss: expect.any(Number) } });
    expect(events.at(-1)).toMatchObject({ type: 'done', steps: 12, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test('goes to runs/<job>, the next one beside it', async () => {
    const second = await lockstep(['train', job, '--json'], { cwd: folder.path });
    expect(eventOf(second, 'start').out).toBe('runs/job-2');
    expect(await lockstep(['verify', run, `${run}-2`])).toMatchObject({
      code: 0,
      stdout: 'The same: 12 steps with equal digests, losses and schedules.\n',
    });
  });

  test('verify names the first step that differs, with exit code 1', async () => {
    const other = join(folder.path, 'other');
    mkdirSync(other);
    const lines = readFileSync(join(run, 'journal.txt'), 'utf8').split('\n');
    lines[6] = (lines[6] as string).replace(/^7 (.)/, (_, digit) => `7 ${digit === '0' ? '1' : '0'}`);
    writeFileSync(join(other, 'journal.txt'), lines.join('\n'));
    const result = await lockstep(['verify', run, other]);
    expect(result.stdout).toMatch(/^The runs differ from step 7 on:\n {2}7 .*\n {2}7 /);
    expect(result.code).toBe(1);
  });

  test('inspect shows layout, sizes and digests', async () => {
    const { stdout, code } = await lockstep(['inspect', run]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^hidden\.weight +\[16, 2\] +32\n/);
    expect(stdout).toMatch(/^total +99$/m);
    expect(stdout).toContain(`digest ${eventOf(first, 'done').digest}`);
    expect(stdout).toMatch(/^[0-9a-f]{64} +[\d,]+ +model\.safetensors$/m);
  });

  test('without a terminal people read plain lines on stderr, and stdout stays empty', async () => {
    const plain = await lockstep(['train', job, '--out', join(folder.path, 'plain')]);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).not.toContain('\x1b');
    expect(plain.stderr).toMatch(/user-job: 99 parameters, 12 steps, batches of 20 in 16 shards/);
    expect(plain.stderr).toMatch(/done after 12 steps in [\d.]+ s {2}loss [\d.]+ {2}test loss [\d.]+/);
    expect(plain.stderr).toContain(`digest ${eventOf(first, 'done').digest}`);
    const colours = { env: { NO_COLOR: '', FORCE_COLOR: '1' } };
    expect((await lockstep(['train', job, '--out', join(folder.path, 'c')], colours)).stderr).toContain('\x1b[');
  });

  test('the environment sets defaults, flags win', async () => {
    const env = { LOCKSTEP_THREADS: '3', LOCKSTEP_STEPS: '2', LOCKSTEP_OUT: join(folder.path, 'from-env') };
    const byEnvironment = await lockstep(['train', job, '--json'], { env });
    expect(eventOf(byEnvironment, 'start')).toMatchObject({ threads: 3, steps: 2, out: env.LOCKSTEP_OUT });
    const byFlag = await lockstep(['train', job, '--json', '--threads', '1', '--out', join(folder.path, 'flag')], {
      env,
    });
    expect(eventOf(byFlag, 'start')).toMatchObject({ threads: 1, out: join(folder.path, 'flag') });
    const wrong = await lockstep(['train', job], { env: { LOCKSTEP_THREADS: 'many' } });
    expect(wrong.stderr).toMatch(/LOCKSTEP_THREADS.*whole number of at least 0/);
    expect(wrong.code).toBe(2);
  });

  test('certificates and token of the environment are for runs that workers can join', async () => {
    const env = { LOCKSTEP_CERTS: 'nowhere', LOCKSTEP_TOKEN_FILE: 'nowhere', LOCKSTEP_TOKEN: 'no token' };
    for (const [i, mode] of [[], ['--mode', 'local']].entries()) {
      const out = join(folder.path, `secure-${i}`);
      expect(await lockstep(['train', job, ...mode, '--out', out], { env })).toMatchObject({ code: 0 });
    }
    const joined = await lockstep(['train', job, '--listen', '127.0.0.1:0', '--out', join(folder.path, 's')], { env });
    expect(joined.stderr).toMatch(/nowhere.* cannot be read/);
    expect(joined.code).toBe(2);
  });

  test('train and worker listen where their own variables say', async () => {
    const env = { LOCKSTEP_LISTEN: 'no address', LOCKSTEP_WORKER_LISTEN: 'none either' };
    const trained = await lockstep(['train', job, '--out', join(folder.path, 'listens')], { env });
    expect(trained.stderr).toMatch(/"no address" is no address: write host:port/);
    const worked = await lockstep(['worker', '--join', '127.0.0.1:1', '--wait', '0'], { env });
    expect(worked.stderr).toMatch(/"none either" is no address: write host:port/);
    const nowhere = await lockstep(['worker', '--join', '192.0.2.1:1', '--advertise', '192.0.2.2:1']);
    expect(nowhere).toMatchObject({ code: 2, stderr: expect.stringMatching(/--advertise .*: add --listen HOST:PORT/) });
  });

  test('--resume goes on with the flags that the run was started with', async () => {
    const out = join(folder.path, 'flags');
    const flags = ['--seed', '9', '--shards', '5', '--steps', '9'];
    await lockstep(['train', job, '--out', out, '--stop-at', '5', ...flags]);
    const resumed = await lockstep(['train', job, '--out', out, '--resume', '--json']);
    expect(eventOf(resumed, 'start')).toMatchObject({ fromStep: 5, steps: 9, batch: { shards: 5 } });
    const whole = await lockstep(['train', job, '--json', '--out', join(folder.path, 'whole'), ...flags]);
    expect(eventOf(resumed, 'done').digest).toBe(eventOf(whole, 'done').digest);
    const longer = await lockstep(['train', job, '--out', out, '--resume', '--json', '--epochs', '2']);
    expect(eventOf(longer, 'done')).toMatchObject({ steps: 12 });
    const evaluated = await lockstep(['eval', out, '--json']);
    expect(eventOf(evaluated, 'eval').metrics).toEqual(eventOf(longer, 'eval').metrics);
  });

  test('a run that fails before its first step leaves its folder free', async () => {
    const out = join(folder.path, 'again');
    expect((await lockstep(['train', job, '--out', out, '--memory', '1'])).code).toBe(1);
    expect((await lockstep(['train', job, '--out', out])).code).toBe(0);
  });

  test('a folder that cannot be is refused', async () => {
    const result = await lockstep(['train', job, '--out', join(job, 'inside')]);
    expect(result.stderr).toMatch(
      /^lockstep: The folder .*inside cannot be written to \(ENOTDIR\): choose another --out\.\n$/,
    );
    expect(result.code).toBe(2);
  });

  test('damaged or foreign weights are refused by every command that reads them', async () => {
    const out = join(folder.path, 'damaged');
    await lockstep(['train', job, '--out', out]);
    const checkpoint = join(out, readdirSync(out).findLast((name) => name.startsWith('step-')) as string);
    truncateSync(join(checkpoint, 'model.safetensors'), 300);
    for (const args of [['inspect'], ['eval'], ['predict']]) {
      const result = await lockstep([...args, checkpoint, ...(args[0] === 'predict' ? ['-'] : [])]);
      expect(result.stderr).toMatch(
        /^lockstep: .*step-000000012: model\.safetensors is damaged; use an older checkpoint\.\n$/,
      );
      expect(result.code).toBe(1);
    }
    const wider = folder.write('wider.ts', jobText().replaceAll('16', '17'));
    const foreign = await lockstep(['train', wider, '--weights', run, '--out', join(folder.path, 'wider')]);
    expect(foreign.stderr).toMatch(/tensor "hidden\.weight" is F32 \[16, 2\], the model has F32 \[17, 2\]\.\n$/);
    expect(foreign.code).toBe(1);
  });

  test('weights of a finished run start another', async () => {
    const next = await lockstep(['train', job, '--weights', run, '--out', join(folder.path, 'next'), '--json']);
    const [begin, after] = [first, next].map((result) => eventsOf(result).find(({ type }) => type === 'step')?.loss);
    expect(after).toBeLessThan(begin as number);
  });

  test('a reader that has seen enough ends predict quietly, and a training with a checkpoint', async () => {
    const rows = Array.from({ length: 20_000 }, () => '{"x":[1,2]}\n').join('');
    const close = { onLine: (_: string, child: { stdout: { destroy(): void } | null }) => child.stdout?.destroy() };
    const predicted = await lockstep(['predict', run, folder.write('rows.jsonl', rows)], close);
    expect(predicted).toMatchObject({ code: 0, stderr: '' });
    const out = join(folder.path, 'piped');
    const trained = await lockstep(['train', job, '--json', '--steps', '1000000', '--out', out], close);
    expect(trained).toMatchObject({ code: 130, stderr: '' });
    expect(readdirSync(out).some((name) => name.startsWith('step-'))).toBe(true);
  });

  test('a last checkpoint that cannot be written is a failure', async () => {
    const out = join(folder.path, 'lost');
    const sabotage = folder.write(
      'sabotage.ts',
      `import { existsSync, rmSync, writeFileSync } from 'node:fs';
      const out = ${JSON.stringify(out)};
      let spoilt = false;
      function spoil() {
        while (!existsSync(out + '.go')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        rmSync(out, { recursive: true });
        writeFileSync(out, '');
        spoilt = true;
      }
      ${jobText({
        data: `() => ({ train: { length: 40, digest: 'none', sample: (i) => {
          if (i > 0 && !spoilt) spoil();
          return { x: [i, 1], label: i % 3 };
        } } })`,
      })}`,
    );
    // The first line is said when the run has written its card there.
    const onLine = () => writeFileSync(`${out}.go`, '');
    const result = await lockstep(['train', sabotage, '--out', out, '--json'], { onLine });
    expect(result.stdout).toMatch(/"message":"The checkpoint of step 12 could not be written \(.*\)/);
    expect(result.stderr).toMatch(/lockstep: The weights of step 12 could not be written to .*lost: make room there/);
    expect(result.code).toBe(1);
    rmSync(out);
    expect(existsSync(out)).toBe(false);
  });
});
