import { SingleBar } from 'cli-progress';
import picocolors from 'picocolors';
import type { StragglerEvent, WorkerJoinedEvent, WorkerLostEvent } from '../observe/cluster-events.ts';
import type { RunEvent, StartEvent, StepEvent } from '../observe/events.ts';
import type { TrainResult } from '../train.ts';

// By default picocolors asks stdout; what people read goes to stderr.
const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
const pc = picocolors.createColors(!NO_COLOR && (!!FORCE_COLOR || (process.stderr.isTTY && TERM !== 'dumb')));

/** What a person or a program sees of a run. */
export interface Reporter {
  event(event: RunEvent): void;
  /** A sentence to the person at the keyboard. */
  say(text: string): void;
  end(result: TrainResult, out: string): void;
  close(): void;
}

export function reporterFor(json: boolean): Reporter {
  if (json) return new JsonReporter();
  return process.stderr.isTTY ? new BarReporter() : new LineReporter();
}

/** One event per line on stdout, nothing else. */
class JsonReporter implements Reporter {
  event(event: RunEvent): void {
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
  say(text: string): void {
    print(text);
  }
  end(): void {}
  close(): void {}
}

/** Often enough to see that it lives, seldom enough for a log. */
const lineIntervalMs = 5000;
/** Of one kind: epochs, evaluations. */
const newsIntervalMs = 1000;
/** Clears the live line. */
const clearLine = '\r\x1b[K';
/** The bar's line must not wrap, or drawing it again would leave pieces; other text must. */
const wrapOn = '\x1b[?7h';
const wrapOff = '\x1b[?7l';
/** The bar goes back to the saved place when it ends; without this it would end on top of what was written above it. */
const saveCursor = '\x1b7';

const number = (value: number): string => value.toFixed(4);
const metricsText = (metrics: Readonly<Record<string, number>>): string =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${number(value)}`)
    .join('  ');

function startText(event: StartEvent): string {
  const { job, parameters, threads, batch, fromStep, steps, kernels, mode, promise, memoryBytes } = event;
  return [
    `${pc.bold(job)}: ${parameters.toLocaleString('en')} parameters, ${steps} steps${fromStep > 0 ? ` from step ${fromStep}` : ''}, batches of ${batch.size} in ${batch.shards} shards`,
    pc.dim(
      `${threads} thread${threads === 1 ? '' : 's'}, ${(memoryBytes / 2 ** 20).toFixed(0)} MiB; ${kernels} Mode ${mode}: ${promise}.`,
    ),
  ].join('\n');
}

function workerText(event: WorkerJoinedEvent | WorkerLostEvent | StragglerEvent): string {
  const { worker, name } = event;
  const who = `worker ${worker} (${name})`;
  switch (event.type) {
    case 'worker-joined':
      return pc.green(`${who} joined with ${plural(event.threads, 'thread')}, ${plural(event.workers, 'worker')} now`);
    case 'worker-lost': {
      const again = event.shards.length > 0 ? `, ${plural(event.shards.length, 'shard')} computed again` : '';
      return pc.yellow(
        `${who} lost at step ${event.step}: ${event.reason}${again}, recovered in ${event.recoveredMs.toFixed(0)} ms, ${plural(event.workers, 'worker')} now`,
      );
    }
    case 'straggler':
      return pc.yellow(
        `${who} is slow at step ${event.step}: ${event.computeMs.toFixed(0)} ms instead of ${event.expectedMs.toFixed(0)} ms`,
      );
  }
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Everything but the steps, the same with a bar and without. Short epochs are told now and then, as nobody reads a hundred a second. */
class Narrator {
  readonly #lastMs = new Map<string, number>();

  text(event: RunEvent): string | undefined {
    switch (event.type) {
      case 'start':
        return startText(event);
      case 'eval':
        return this.#due('eval') ? `step ${event.step}  ${pc.cyan(`test ${metricsText(event.metrics)}`)}` : undefined;
      case 'epoch':
        return this.#due('epoch') ? pc.dim(`epoch ${event.epoch}  ${metricsText(event.metrics)}`) : undefined;
      case 'warning':
        return pc.yellow(`warning: ${event.message}`);
      case 'checkpoint':
        return pc.dim(`checkpoint ${event.path}`);
      case 'worker-joined':
      case 'worker-lost':
      case 'straggler':
        return workerText(event);
      default:
        return undefined;
    }
  }

  #due(what: string): boolean {
    const nowMs = performance.now();
    if (nowMs - (this.#lastMs.get(what) ?? Number.NEGATIVE_INFINITY) < newsIntervalMs) return false;
    this.#lastMs.set(what, nowMs);
    return true;
  }
}

function summary(result: TrainResult, out: string): string {
  const { steps, loss, metrics, seconds, digest, interrupted } = result;
  const test = Object.keys(metrics).length > 0 ? `  test ${metricsText(metrics)}` : '';
  return [
    `${interrupted ? 'stopped' : pc.green('done')} after ${steps} steps in ${seconds.toFixed(1)} s  loss ${number(loss)}${test}`,
    `digest ${digest}`,
    pc.dim(`run in ${out}`),
  ].join('\n');
}

const print = (text: string): void => void process.stderr.write(`${text}\n`);

/** A live line at the bottom of the terminal; other events scroll above it. */
class BarReporter implements Reporter {
  readonly #narrator = new Narrator();
  #bar: SingleBar | undefined;

  event(event: RunEvent): void {
    if (event.type === 'step') {
      this.#bar?.update(event.step, { loss: number(event.loss), rate: Math.round(event.samplesPerSecond) });
      return;
    }
    const text = this.#narrator.text(event);
    if (text !== undefined) this.say(text);
    if (event.type === 'start') this.#start(event);
  }

  /** Above the live line, which draws itself again below. */
  say(text: string): void {
    if (this.#bar) process.stderr.write(`${clearLine}${wrapOn}${text}\n${wrapOff}${saveCursor}`);
    else print(text);
  }

  end(result: TrainResult, out: string): void {
    this.close();
    print(summary(result, out));
  }

  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start({ steps, fromStep, threads }: StartEvent): void {
    this.#bar = new SingleBar({
      format: `{bar} {value}/{total}  loss {loss}  {rate} samples/s  ${threads} threads  {eta_formatted} left`,
      stream: process.stderr,
      barsize: 24,
      etaBuffer: 200,
      clearOnComplete: true,
      hideCursor: true,
      noTTYOutput: false,
    });
    this.#bar.start(steps, fromStep, { loss: '-', rate: '-' });
  }
}

/** Without a terminal: a plain line every few seconds. */
class LineReporter implements Reporter {
  readonly #narrator = new Narrator();
  #start: { steps: number; fromStep: number; ms: number } | undefined;
  #lastMs = performance.now();

  event(event: RunEvent): void {
    if (event.type === 'start') this.#start = { ...event, ms: performance.now() };
    if (event.type === 'step') this.#step(event);
    const text = this.#narrator.text(event);
    if (text !== undefined) print(text);
  }

  say(text: string): void {
    print(text);
  }

  end(result: TrainResult, out: string): void {
    print(summary(result, out));
  }

  close(): void {}

  #step({ step, loss, samplesPerSecond }: StepEvent): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < lineIntervalMs || !this.#start) return;
    this.#lastMs = nowMs;
    const { steps, fromStep, ms } = this.#start;
    const secondsLeft = ((nowMs - ms) / 1000 / (step - fromStep)) * (steps - step);
    print(
      `step ${step}/${steps}  loss ${number(loss)}  ${Math.round(samplesPerSecond)} samples/s  ${durationText(secondsLeft)} left`,
    );
  }
}

/** `45 s`, `3 min`, `2.5 h`. */
export function durationText(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
