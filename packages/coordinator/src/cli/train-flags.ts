import type { Reduction } from '@lockstep/worker';
import type { ClusterFlags } from './cluster-flags.ts';

/** What the command line says about a training. */
export interface TrainFlags extends ClusterFlags {
  readonly threads?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly seed?: number;
  readonly shards?: number;
  readonly data?: string;
  readonly out?: string;
  readonly resume?: boolean;
  readonly checkpointEvery?: number;
  readonly weights?: string;
  readonly memory?: number;
  readonly reduce?: Reduction;
  readonly stopAt?: number;
  readonly mergeShards: 'on' | 'off';
  readonly widen: 'on' | 'off';
  readonly profile?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}
