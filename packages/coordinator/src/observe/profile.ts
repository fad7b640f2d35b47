import { type Phase, phases } from '@lockstep/core/internal';
import type { ThreadProfile } from '@lockstep/worker/local';

/** Milliseconds of a step by phase, in the mean of the threads; waiting and the loop itself count to `overhead`. */
export function phaseTimes(profiles: readonly ThreadProfile[]): Readonly<Record<Phase, number>> {
  const times = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;
  for (const { kernels, steps, waitingMs } of profiles) {
    if (steps === 0) continue;
    const perStep = 1 / (steps * profiles.length);
    for (const { phase, ms } of kernels) times[phase] += ms * perStep;
    times.overhead += waitingMs * perStep;
  }
  return times;
}

/** Trace Event Format (chrome://tracing, Perfetto): instructions of a few steps, and each thread's totals as `lockstep`. */
export function chromeTrace(profiles: readonly ThreadProfile[]): string {
  const traceEvents = profiles.flatMap(({ thread, trace }) => {
    const firstMs = trace[0]?.startMs ?? 0;
    return [
      { name: 'thread_name', ph: 'M', pid: 1, tid: thread, args: { name: `compute thread ${thread}` } },
      ...trace.map(({ name, phase, size, startMs, ms }) => ({
        name,
        cat: phase,
        ph: 'X',
        pid: 1,
        tid: thread,
        ts: (startMs - firstMs) * 1000,
        dur: ms * 1000,
        args: size === '' ? {} : { size },
      })),
    ];
  });
  const totals = profiles.map(({ trace: _, ...rest }) => rest);
  return `${JSON.stringify({ traceEvents, displayTimeUnit: 'ms', lockstep: { millisecondsPerStep: phaseTimes(profiles), threads: totals } })}\n`;
}
