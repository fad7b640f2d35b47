/** Base of every error that Lockstep throws on purpose: one sentence that names the culprit and the remedy. */
export class LockstepError extends Error {
  readonly code: string = 'LOCKSTEP';

  override get name(): string {
    return this.constructor.name;
  }
}

/** The user's input is wrong: arguments, options, a job file. Exit code 2. */
export class UsageError extends LockstepError {
  override readonly code = 'USAGE';
}

/** Shapes or dtypes do not fit; the message names op, shapes and layer. */
export class ShapeError extends LockstepError {
  override readonly code = 'SHAPE';
}

/** Data that cannot be trained on: empty, out of range, changed. */
export class DataError extends LockstepError {
  override readonly code = 'DATA';
}

/** A file that is damaged or of another format. */
export class FormatError extends LockstepError {
  override readonly code = 'FORMAT';
}

/** A loss or gradient became NaN or infinite. */
export class NonFiniteError extends LockstepError {
  override readonly code = 'NON_FINITE';
}

/** The run does not fit into the memory it may use. */
export class MemoryLimitError extends LockstepError {
  override readonly code = 'MEMORY_LIMIT';
}
