import { stripVTControlCharacters } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import type { WorkerJoinedEvent } from '../observe/cluster-events.ts';
import type { RunEvent, StartEvent } from '../observe/events.ts';
import { durationText } from './line-reporter.ts';
import { reporterFor } from './reporter-for.ts';

/** What a reporter writes to the two streams while `use` runs. */
function written(use: () => void): { stdout: string; stderr: string } {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      text[name] += chunk;
      return true;
    }),
  );
  try {
    use();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return text;
}

const epoch = (n: number): RunEvent => ({ type: 'epoch', epoch: n, step: n, metrics: { loss: 1 / n } });
const step: RunEvent = {
  type: 'step',
  step: 1,
  loss: Number.NaN,
  metrics: {},
  learningRate: 0,
  gradientNorm: 0,
  samplesPerSecond: 1,
};

test('as JSON every event is a line on stdout; a loss that is no number is null', () => {
  const reporter = reporterFor(true);
  const { stdout, stderr } = written(() => {
    for (const event of [epoch(1), epoch(2), step]) reporter.event(event);
    reporter.say('to the person');
  });
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([epoch(1), epoch(2), { ...step, loss: null }]);
  expect(stderr).toBe('to the person\n');
});

test('for people, of epochs that follow at once only the first is told; warnings always', () => {
  const reporter = reporterFor(false);
  const { stdout, stderr } = written(() => {
    for (let n = 1; n <= 50; n++) reporter.event(epoch(n));
    for (const message of ['one', 'two']) reporter.event({ type: 'warning', message });
  });
  expect(stdout).toBe('');
  expect(stripVTControlCharacters(stderr)).toMatch(/^epoch 1 {2}loss 1\.0000\nwarning: one\nwarning: two\n$/);
});

const start = (address?: string): StartEvent => ({
  ...{ type: 'start', job: 'job', parameters: 99, steps: 12, fromStep: 0, threads: 0, batch: { size: 20, shards: 7 } },
  ...{ mode: 'sync', placement: 'coordinator', reduce: 'f32', promise: 'same bits', kernels: 'Plain.' },
  ...{ memoryBytes: 0, out: null, ...(address !== undefined && { address }) },
});
const joined = (workers: number): WorkerJoinedEvent => ({
  ...{ type: 'worker-joined', worker: workers, name: `w${workers}`, threads: 1, address: null, workers },
});
const waiting: RunEvent = {
  ...{ type: 'warning', step: 1, message: 'Waiting before step 1: 0 of 2 workers are here.' },
  waiting: { workers: 0, needed: 2 },
};

test.each([
  ['127.0.0.1:7000', {}, 'workers join at 127.0.0.1:7000: lockstep worker --join 127.0.0.1:7000'],
  [
    '0.0.0.0:7000',
    { certs: true },
    'workers join at 0.0.0.0:7000, each with a folder of certificates (lockstep certs issue worker NAME): lockstep worker --join HOST:7000 --certs FOLDER',
  ],
  ['[::]:7', { token: true }, 'workers join at [::]:7: lockstep worker --join HOST:7 --token-file FILE'],
  [undefined, {}, 'no threads here, 0 MiB; Plain. Mode sync: same bits.'],
])('the last line of the start at %s says how workers join', (address, meeting, line) => {
  const { stderr } = written(() => reporterFor(false, meeting).event(start(address)));
  expect(stripVTControlCharacters(stderr).trimEnd().split('\n').at(-1)).toBe(line);
});

afterEach(() => void vi.useRealTimers());

test('what a run waits for is said again every minute, and no more when it is there', () => {
  vi.useFakeTimers();
  const reporter = reporterFor(false, { minWorkers: 2 });
  const still = (...workers: number[]) =>
    workers.map((n) => `still waiting before step 1: ${n} of 2 workers are here; workers join at`);
  const said = (use: () => void) =>
    stripVTControlCharacters(written(use).stderr).match(/^still waiting .* workers join at/gm) ?? [];
  written(() => {
    reporter.event(start('127.0.0.1:7000'));
    reporter.event(waiting);
  });
  expect(said(() => vi.advanceTimersByTime(59_000))).toEqual([]);
  expect(said(() => vi.advanceTimersByTime(61_000))).toEqual(still(0, 0));
  written(() => reporter.event(joined(1)));
  expect(said(() => vi.advanceTimersByTime(60_000))).toEqual(still(1));
  written(() => reporter.event(joined(2)));
  expect(said(() => vi.advanceTimersByTime(600_000))).toEqual([]);
  written(() => reporter.event({ ...joined(1), type: 'worker-lost', reason: '', step: 1, shards: [], recoveredMs: 0 }));
  expect(said(() => vi.advanceTimersByTime(60_000))).toEqual(still(1));
  written(() => reporter.event(step));
  expect(said(() => vi.advanceTimersByTime(600_000))).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('the time left does not count in what was waited for workers', () => {
  vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const { isTTY } = process.stderr;
  const at = (n: number): RunEvent => ({ ...step, step: n });
  for (const tty of [false, true]) {
    process.stderr.isTTY = tty;
    try {
      const { stderr } = written(() => {
        const reporter = reporterFor(false, { minWorkers: 2 });
        reporter.event(start('127.0.0.1:7000'));
        reporter.event(waiting);
        vi.advanceTimersByTime(3_600_000);
        for (let n = 1; n <= 4; n++) {
          vi.advanceTimersByTime(6000);
          reporter.event(at(n));
        }
        vi.advanceTimersByTime(1000);
        reporter.close();
      });
      expect(stripVTControlCharacters(stderr).split(' left').at(-2)).toMatch(tty ? / {2}(48|50)s$/ : / {2}48 s$/);
    } finally {
      process.stderr.isTTY = isTTY;
    }
  }
});

test('the live line shows workers, and how many are still waited for', () => {
  vi.useFakeTimers();
  const { isTTY } = process.stderr;
  process.stderr.isTTY = true;
  try {
    const reporter = reporterFor(false, { minWorkers: 2 });
    const shown = (event: RunEvent) => {
      const { stderr } = written(() => {
        reporter.event(event);
        vi.advanceTimersByTime(1000);
      });
      return /samples\/s {2}(.*?) {2}/.exec(stderr)?.[1];
    };
    expect(shown(start('127.0.0.1:7000'))).toBe('0 of 2 workers');
    expect(shown(joined(1))).toBe('1 of 2 workers');
    expect(shown(joined(2))).toBe('2 workers');
    expect(shown(step)).toBe('2 workers');
    expect(shown(joined(3))).toBe('3 workers');
    written(() => reporter.close());
    const alone = reporterFor(false);
    const text = written(() => {
      alone.event({ ...start(), threads: 1 });
      alone.close();
    });
    expect(text.stderr).toContain('samples/s  1 thread  ');
  } finally {
    process.stderr.isTTY = isTTY;
  }
});

test.each([
  [0.4, '0 s'],
  [99, '99 s'],
  [100, '2 min'],
  [3000, '50 min'],
  [9000, '2.5 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

test('at the end of a run with workers it is said what was refused', () => {
  const reporter = reporterFor(false);
  const rest = { steps: 3, digest: 'd', loss: 1, seconds: 1, interrupted: false, stoppedEarly: false };
  const { stderr } = written(() => reporter.event({ type: 'done', ...rest, refused: { CERTIFICATE: 2, STALE: 1 } }));
  expect(stripVTControlCharacters(stderr)).toBe('refused, without effect: 2 CERTIFICATE, 1 STALE\n');
  expect(written(() => reporter.event({ type: 'done', ...rest, refused: {} })).stderr).toBe('');
});
