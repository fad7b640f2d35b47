import { setTimeout as delay } from 'node:timers/promises';
import { StatusError, status } from '../grpc/status-error.ts';

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** Tries without a byte of progress before it gives up. Default 4. */
  readonly tries?: number | undefined;
  /** Told about each break before it is tried again, e.g. to count changed bytes. */
  readonly onRetry?: ((error: StatusError) => void) | undefined;
}

/** Ends of a stream after which the same bytes may well come at the next try. */
const passing = new Set<status>([status.UNAVAILABLE, status.DATA_LOSS, status.INTERNAL]);

/** Pause before try `n` (from 1), in ms: doubles from 50 to 1000. Peers that lost the same host do not come back in step. */
const pauseMs = (n: number) => Math.min(1000, 50 * 2 ** (n - 1)) * (0.5 + Math.random() / 2);

/**
 * Repeats an attempt that fails for passing reasons, as often as it gets further, and `tries` times where it does not.
 *
 * @param progress grows when something was reached
 */
export async function persist(
  attempt: () => Promise<void>,
  progress: () => number,
  { signal, tries = 4, onRetry }: TransferOptions,
): Promise<void> {
  let reached = progress();
  for (let failures = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted || !(error instanceof StatusError) || !passing.has(error.status)) throw error;
      failures = progress() > reached ? 1 : failures + 1;
      reached = progress();
      if (failures >= tries) throw error;
      onRetry?.(error);
    }
    await delay(pauseMs(failures), undefined, signal ? { signal } : {});
  }
}
