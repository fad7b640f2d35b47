import { exitCode } from './exit-code.ts';

export interface Interrupt {
  readonly signal: AbortSignal;
  dispose(): void;
}

/**
 * The first Ctrl-C (or SIGTERM) ends the run at a step boundary with a checkpoint, the second at once. A reader of stdout that
 * went away (`| head`) counts as the first.
 *
 * @param goOn the command that goes on with the run
 */
export function interruptible(goOn: string, say: (text: string) => void): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCode.interrupted);
    controller.abort();
    say(`Stopping at the next step with a checkpoint; once more stops at once. Go on with: ${goOn}`);
  };
  const onClosedPipe = () => controller.abort();
  process.stdout.on('error', onClosedPipe);
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      process.stdout.off('error', onClosedPipe);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
