import { type Hello, Mode, Placement, Reduce } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import type { ClusterOptions, FromCoordinatorMessage } from './effects.ts';

/** Why a worker cannot take part, in a sentence; undefined = it can. */
export function objection(options: ClusterOptions, hello: Hello): string | undefined {
  const other = options.admit(hello);
  if (other !== undefined || options.placement === 'coordinator' || hello.address !== '') return other;
  return `Worker ${hello.name} has no address, and with --placement workers others must reach it: give it --listen HOST:PORT.`;
}

/** What is said to a worker at whose address nobody answers. */
export const unreachable = ({ placement }: ClusterOptions, { name, address }: Member, reason: string): string =>
  placement === 'workers'
    ? `Worker ${name} cannot be reached at ${address} (${reason}), and with --placement workers others must: give it --advertise HOST:PORT.`
    : `Worker ${name} cannot be reached at ${address} (${reason}): give it --advertise HOST:PORT, or --listen none, and it brings its sums.`;

/** What is said to a worker that could not plan the job: it has too little memory, or takes the job for none. */
export const unable = ({ name }: Member, reason: string): string => `Worker ${name} cannot run this job: ${reason}`;

/** What is said where events could not tell two workers apart. */
export const sharedName = (first: Member, second: Member): string =>
  `Workers ${first.id} and ${second.id} are both called ${second.name}: give each its own --name, or its own certificate.`;

export function welcome(options: ClusterOptions, { id }: Member): FromCoordinatorMessage {
  const { run, jobDigest, placement, mode, reduce, leaseMs, heartbeatMs, compression } = options;
  const value = {
    run,
    member: id,
    jobDigest,
    placement: placement === 'workers' ? Placement.WORKERS : Placement.COORDINATOR,
    mode: modes[mode],
    reduce: reduce === 'bf16' ? Reduce.BF16 : Reduce.F32,
    leaseMs,
    heartbeatMs,
    compression,
  };
  return { case: 'welcome', value };
}

const modes = { sync: Mode.SYNC, local: Mode.LOCAL, ssp: Mode.SSP, async: Mode.ASYNC } as const;
