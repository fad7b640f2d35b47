import {
  DataError,
  FormatError,
  LockstepError,
  MemoryLimitError,
  NonFiniteError,
  ShapeError,
  UsageError,
} from '@lockstep/core';
import { SupersededError } from '../storage/fence.ts';

// An error loses its class on the way between threads; its code brings it back.

const classes = {
  DATA: DataError,
  FORMAT: FormatError,
  MEMORY_LIMIT: MemoryLimitError,
  NON_FINITE: NonFiniteError,
  SHAPE: ShapeError,
  SUPERSEDED: SupersededError,
  USAGE: UsageError,
  LOCKSTEP: LockstepError,
} as const;

export interface EncodedError {
  readonly lockstepCode: string | null;
  readonly message: string;
  readonly stack: string | undefined;
}

/** A plain object, which Comlink throws as it is on the other side. */
export function encodeError(error: unknown): EncodedError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { lockstepCode: error instanceof LockstepError ? error.code : null, message, stack };
}

export function decodeError(error: unknown): Error {
  if (typeof error !== 'object' || error === null || !('lockstepCode' in error)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const { lockstepCode, message, stack } = error as EncodedError;
  const Class = lockstepCode === null ? Error : (classes[lockstepCode as keyof typeof classes] ?? LockstepError);
  const decoded = new Class(message);
  if (stack !== undefined) decoded.stack = stack;
  return decoded;
}
