import { createInterface } from 'node:readline';
import type { WindowResult } from './subject.ts';

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
export const peakMiB = (): number => process.resourceUsage().maxRSS / 1024;

/** The contender's side of `Subject`: `measure` gives units per second over about so many milliseconds. */
export async function serve(
  name: string,
  measure: (ms: number) => Promise<number> | number,
  peak: () => number = peakMiB,
): Promise<void> {
  say({ ready: name });
  for await (const line of createInterface({ input: process.stdin })) {
    const answer: WindowResult = { perSecond: await measure(Number(line)), peakMiB: peak() };
    say(answer);
  }
  process.exit();
}

/** One step is enough of a warm-up for a contender that takes so long for it. */
const longWarmUpMs = 4000;

/** Resolves when its result is there. */
export interface Step {
  (): Promise<unknown> | unknown;
  /** Resolves when all that steps have begun is done; a window ends with it. */
  settle?: () => Promise<unknown>;
}

/** For a contender that is asked step by step. */
export async function serveSteps(name: string, units: number, step: Step): Promise<void> {
  const start = performance.now();
  for (let i = 0; i < 2 && performance.now() - start < longWarmUpMs; i++) await step();
  await step.settle?.();
  await serve(name, async (ms) => {
    const start = performance.now();
    let steps = 0;
    let spent = 0;
    for (; spent < ms; spent = performance.now() - start) {
      await step();
      steps++;
    }
    await step.settle?.();
    spent = performance.now() - start;
    return (steps * units) / (spent / 1000);
  });
}

export function refuse(why: string): never {
  say({ cannot: why });
  process.exit();
}
