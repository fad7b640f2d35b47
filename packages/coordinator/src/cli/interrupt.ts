import { exitCode } from './exit-code.ts';

export interface Interrupt {
  readonly signal: AbortSignal;
  dispose(): void;
}

/** The first Ctrl-C (or SIGTERM) ends the run at a step boundary with a checkpoint, the second at once. */
export function interruptible(out: string, job: string): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCode.interrupted);
    controller.abort();
    process.stderr.write(
      `\nStopping at the next step with a checkpoint; once more stops at once. Go on with: lockstep train ${job} --out ${out} --resume\n`,
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
