import picocolors from 'picocolors';
import type { StragglerEvent, WorkerJoinedEvent, WorkerLostEvent } from '../observe/cluster-events.ts';
import type { DoneEvent, RunEvent, StartEvent } from '../observe/events.ts';
import type { TrainResult } from '../train.ts';
import { type Meeting, meetingText } from './meeting.ts';

// By default picocolors asks stdout; what people read goes to stderr.
const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
const pc = picocolors.createColors(!NO_COLOR && (!!FORCE_COLOR || (process.stderr.isTTY && TERM !== 'dumb')));

/** Of one kind: epochs, evaluations. */
const newsIntervalMs = 1000;

export const numberText = (value: number): string => value.toFixed(4);
export const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const metricsText = (metrics: Readonly<Record<string, number>>): string =>
  Object.entries(metrics)
    .map(([name, value]) => `${name} ${numberText(value)}`)
    .join('  ');

/** Everything but the steps, the same with a bar and without. Short epochs are told now and then, as nobody reads a hundred a second. */
export class Narrator {
  readonly #lastMs = new Map<string, number>();
  readonly #meeting: Meeting;

  constructor(meeting: Meeting) {
    this.#meeting = meeting;
  }

  text(event: RunEvent): string | undefined {
    switch (event.type) {
      case 'start':
        return startText(event, this.#meeting);
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
      case 'done':
        return refusedText(event);
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

function startText(event: StartEvent, meeting: Meeting): string {
  const { job, parameters, threads, batch, fromStep, steps, kernels, mode, promise, memoryBytes } = event;
  const join = meetingText(event, meeting);
  return [
    `${pc.bold(job)}: ${parameters.toLocaleString('en')} parameters, ${steps} steps${fromStep > 0 ? ` from step ${fromStep}` : ''}, batches of ${batch.size} in ${batch.shards} shards`,
    pc.dim(
      `${threads === 0 ? 'no threads here' : plural(threads, 'thread')}, ${(memoryBytes / 2 ** 20).toFixed(0)} MiB; ${kernels} Mode ${mode}: ${promise}.`,
    ),
    ...(join === undefined ? [] : [join]),
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

function refusedText({ refused = {} }: DoneEvent): string | undefined {
  const counts = Object.entries(refused).map(([reason, count]) => `${count} ${reason}`);
  return counts.length > 0 ? pc.dim(`refused, without effect: ${counts.join(', ')}`) : undefined;
}

/** The last words on a run. */
export function summary(result: TrainResult, out: string): string {
  const { steps, loss, metrics, seconds, digest, interrupted } = result;
  const test = Object.keys(metrics).length > 0 ? `  test ${metricsText(metrics)}` : '';
  return [
    `${interrupted ? 'stopped' : pc.green('done')} after ${steps} steps in ${seconds.toFixed(1)} s  loss ${numberText(loss)}${test}`,
    `digest ${digest}`,
    pc.dim(`run in ${out}`),
  ].join('\n');
}
