import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Refusals } from './refusals.ts';
import { statusName } from './status-error.ts';

/** Statuses that are answers rather than refusals: done, cancelled by the caller, moved on, not here. */
const answers = new Set(['0', '1', '5', '10', '14']);

/** A caller that was answered has so long to end its half, in ms; those of gRPC do at once. */
const lingerMs = 250;

/**
 * Counts the status of every call, also of those that grpc-js ends by itself; and resets streams whose caller goes on sending after it was
 * answered, since nobody reads them.
 */
export function watchStream(stream: ServerHttp2Stream, refusals: Refusals, from: string | undefined): void {
  stream.once('finish', () => {
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs);
    stream.once('close', () => clearTimeout(timer));
  });
  stream.once('close', () => {
    const code = stream.sentTrailers?.['grpc-status'] ?? stream.sentHeaders?.['grpc-status'];
    if (code !== undefined && !answers.has(String(code))) refusals.count(statusName(Number(code)), from);
  });
}
