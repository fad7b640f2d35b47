import { LockstepError } from '@lockstep/core';

/** A job, Program or batch that came over the wire and is not taken: one sentence that says why. */
export class JobRefusal extends LockstepError {
  override readonly code = 'JOB_REFUSED';
}

export function refuse(why: string): never {
  throw new JobRefusal(why);
}
