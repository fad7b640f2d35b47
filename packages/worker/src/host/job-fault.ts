import { LockstepError } from '@lockstep/core/internal';
import { StatusError } from '../grpc/status-error.ts';

/** A job that no machine could do: its data or its numbers are the reason. */
export class JobFault extends LockstepError {
  override readonly code = 'JOB_FAULT';
}

/** Whose fault it is that a task has failed. */
export const faultOf = (error: unknown): 'job' | 'machine' | 'network' => {
  if (error instanceof JobFault) return 'job';
  return error instanceof StatusError || (error as Error).name === 'AbortError' ? 'network' : 'machine';
};
