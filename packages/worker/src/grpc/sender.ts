import type { Writable } from 'node:stream';
import { StatusError, status } from './status-error.ts';

/** Sends a message; resolves when the next may be sent, rejects when the call is over. */
export type Send<T> = (message: T) => Promise<void>;

/**
 * Messages of a call that are on their way to the socket at a time. A stream in object mode takes 16 before it reports that
 * it is full, which is 16 MiB of chunks; two keep the socket busy.
 */
const inFlight = 2;

/**
 * The sending half of a call with backpressure: by the callback of each write, which comes when HTTP/2 has passed its bytes on, so
 * flow control of the receiver holds the sender. (grpc-js never calls back once a call is over, so `signal` must tell.)
 */
export function sender<T>(stream: Writable, signal: AbortSignal): Send<T> {
  let pending = 0;
  let waiting: (() => void)[] = [];
  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  signal.addEventListener('abort', wake, { once: true });
  const over = () => new StatusError(status.CANCELLED, 'the call is over');
  return async (message) => {
    if (signal.aborted || stream.destroyed || stream.writableEnded) throw over();
    pending++;
    stream.write(message, () => {
      pending--;
      wake();
    });
    while (pending >= inFlight) {
      await new Promise<void>((resolve) => waiting.push(resolve));
      if (signal.aborted) throw over();
    }
  };
}
