import type { Compression } from '@lockstep/worker/local';
import type { Mode, Placement } from '../observe/promise.ts';
import type { OuterOptions } from '../strategies/outer-nesterov.ts';

/** How a run is shared with workers: data, since it crosses to the engine's thread. */
export interface ClusterRequest {
  /** `host:port` to serve workers at; null: nobody else takes part. */
  readonly listen: string | null;
  /** The first step waits for so many workers, those of this process included. */
  readonly minWorkers: number;
  readonly placement: Placement;
  readonly mode: Mode;
  /** Of mode local: steps of a round, replicas that take them on their own, and how their ways are joined. */
  readonly local: { readonly steps: number; readonly replicas: number; readonly outer: OuterOptions };
  /** Of mode ssp: updates that the fastest worker may be ahead of the slowest one; Infinity in mode async. */
  readonly staleness: number;
  /** How workers make small what they send, with a loss. */
  readonly compression: Compression;
  /** Folder of certificates, and file with the join token; LOCKSTEP_TOKEN counts as well. */
  readonly security: { readonly certs?: string; readonly tokenFile?: string };
  /** Listen beyond loopback without certificates or token. */
  readonly insecure: boolean;
  /** Without a word for so long a worker is lost, in milliseconds. */
  readonly leaseMs: number;
  /** At least one word in each direction every so many milliseconds. */
  readonly heartbeatMs: number;
}
