import { type ServiceError, status } from '@grpc/grpc-js';
import { LockstepError } from '@lockstep/core';

export { status } from '@grpc/grpc-js';

/** A call that ended with a status other than OK, on either side: `code` is one of gRPC's, the message one sentence. */
export class StatusError extends LockstepError {
  override readonly code = 'STATUS';
  /** One of `status`. */
  readonly status: status;
  /** What the other side, or gRPC, has said; the message names the peer as well. */
  readonly details: string;

  constructor(code: status, message: string, options: ErrorOptions & { readonly details?: string } = {}) {
    super(message, options);
    this.status = code;
    this.details = options.details ?? message;
  }
}

/** Name of a status as gRPC writes it, e.g. `RESOURCE_EXHAUSTED`. */
export const statusName = (code: number): string => status[code] ?? `STATUS_${code}`;

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;

/** What a call of the client ended with. @param peer address, named in the message */
export function fromServiceError(error: unknown, peer: string): StatusError {
  if (error instanceof StatusError) return error;
  if (isServiceError(error)) {
    const { code, details } = error;
    return new StatusError(code, `${peer}: ${details}`, { cause: error, details });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError(status.UNKNOWN, `${peer}: ${message}`, { cause: error });
}

/** What the server tells the peer. Texts of unforeseen errors stay here: they may name paths or data. */
export function toServiceError(error: unknown): { code: status; details: string } {
  if (error instanceof StatusError) return { code: error.status, details: error.message.toWellFormed() };
  return { code: status.INTERNAL, details: 'internal error' };
}
