import type {
  Farewell,
  FromCoordinatorSchema,
  FromWorker,
  Hello,
  MessageInit,
  TreeNode,
  Updated,
} from '@lockstep/worker';

export type ToWorker = MessageInit<typeof FromCoordinatorSchema>;
/** What a coordinator says, without the term. */
export type FromCoordinatorMessage = NonNullable<ToWorker['message']>;

/** One update, one batch of an evaluation or one local round. */
export interface ItemSpec {
  /** Counts from 1 within an incarnation of the coordinator. */
  readonly item: number;
  readonly kind: 'train' | 'evaluate' | 'local';
  /** Finished steps before this one. */
  readonly step: number;
  readonly phase: number;
  /** Samples of the whole batch. */
  readonly samples: number;
  readonly firstSample: number;
  readonly learningRates: readonly number[];
  readonly scalars: readonly number[];
  /** Steps of a local round; 0 otherwise. */
  readonly localSteps: number;
  /** Leaves of the tree, where they are not the shards of the job: replicas of a local round, each of them one of `samples`. */
  readonly leaves?: number;
  /** Samples of each of a local round's whole batches. */
  readonly stepSamples?: readonly number[];
  /** Of a local round whose ways are told as differences: the round after which those were remembered that they differ from. */
  readonly waysItem?: number;
  /** Elements of a node's vector: gradient, then statistics. */
  readonly resultLength: number;
  /** Of the whole batch, in order, where workers read the data themselves. */
  readonly indices?: readonly number[];
}

export type Placement = 'coordinator' | 'workers';

export interface ClusterOptions {
  readonly run: string;
  /** The coordinator's number in the run's folder: raised at each start. */
  readonly incarnation: number;
  readonly jobDigest: string;
  readonly placement: Placement;
  readonly mode: 'sync' | 'local' | 'ssp' | 'async';
  readonly reduce: 'f32' | 'bf16';
  readonly shards: number;
  /** Without a word for so long a worker is lost, in milliseconds. */
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  /** The first item waits for so many. */
  readonly minWorkers: number;
  /** Updates that the fastest worker may be ahead of the slowest one, where they are applied as they come; Infinity: any number. */
  readonly staleness: number;
  /** How gradients are made small, as a worker is told; empty: they travel as they are. */
  readonly compression: string;
  /** Why a worker cannot take part, in a sentence; undefined = it can. */
  admit(hello: Hello): string | undefined;
}

export type ClusterInput =
  /** Time passes: to be said at least every `tickMs`. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'received'; readonly session: number; readonly message: FromWorker }
  | { readonly kind: 'disconnected'; readonly session: number; readonly reason: string }
  /** The next item. Only after `done` of the one before. */
  | { readonly kind: 'begin'; readonly item: ItemSpec; readonly upcoming?: ItemSpec }
  /** A node's sum is here and added up; `different` where it was here before with other bytes. */
  | {
      readonly kind: 'arrived';
      readonly member: number;
      readonly item: number;
      readonly node: TreeNode;
      readonly different?: boolean;
    }
  /** A node could not be fetched. */
  | {
      readonly kind: 'missed';
      readonly member: number;
      readonly item: number;
      readonly node: TreeNode;
      readonly reason: string;
    }
  /** What a member gave for a node is no sum, however often it were given. */
  | {
      readonly kind: 'spoilt';
      readonly member: number;
      readonly item: number;
      readonly node: TreeNode;
      readonly reason: string;
    }
  /** The batch that was wanted, where updates are applied as they come; without one there are no more until the next `begin`. */
  | { readonly kind: 'ticket'; readonly item: number; readonly ticket?: ItemSpec }
  /** What came of `reduced` or `apply`: the coordinator's own replica has taken the sums, or the evaluation its statistics. */
  | { readonly kind: 'updated'; readonly item: number }
  /** Whether a worker answered at its address. */
  | { readonly kind: 'reached'; readonly member: number; readonly reason?: string }
  /** The coordinator has taken a copy of the whole state after this item. */
  | { readonly kind: 'kept'; readonly item: number }
  /** An item that waits for workers is not to be waited for any longer: neither the one at hand nor a later one. */
  | { readonly kind: 'stop' }
  /** The run is over: everybody may go, or come back for another. */
  | { readonly kind: 'finish'; readonly reason: string; readonly comeBack: boolean };

export type ClusterEffect =
  | { readonly kind: 'send'; readonly session: number; readonly message: ToWorker }
  /** End a stream. */
  | { readonly kind: 'close'; readonly session: number; readonly reason: string; readonly farewell: Farewell }
  /** Dial a worker's address; say `reached`. */
  | { readonly kind: 'reach'; readonly member: number; readonly address: string }
  /** Pull a node's sum from a worker, or take it from here; say `arrived` or `missed`. */
  | {
      readonly kind: 'collect';
      readonly member: number;
      readonly address: string;
      readonly item: number;
      readonly node: TreeNode;
      readonly values?: Uint8Array;
    }
  /** Every shard is covered by sums that have arrived: use them, then say `updated`. */
  | { readonly kind: 'reduced'; readonly item: number }
  /** Updates are applied as they come: say the next batch of the item that was begun, as `ticket`. */
  | { readonly kind: 'want'; readonly item: number }
  /** Every shard of a turn is here: apply its gradient as this step, put the parameters up as those after item `version`, then say `updated`. */
  | {
      readonly kind: 'apply';
      readonly item: number;
      /** Finished updates before it. */
      readonly step: number;
      readonly version: number;
      /** Updates that were applied after its parameters were taken. */
      readonly staleness: number;
    }
  /** With workers as owners: the update of this item exists, and this is what it left. Said once. */
  | { readonly kind: 'committed'; readonly item: number; readonly updated: Updated }
  /** The item is over, everywhere: state may be taken from a holder, and the next item may begin. */
  | { readonly kind: 'done'; readonly item: number }
  /** After `stop`: the item waits for workers, and is given up. Nothing of it has changed the state. */
  | { readonly kind: 'withdrawn'; readonly item: number }
  /** The last who holds the whole state after this item wants to go: take a copy, then say `kept`. */
  | { readonly kind: 'keep'; readonly item: number }
  /** Nobody holds the state any more: go back to what the coordinator has, as a new incarnation. */
  | { readonly kind: 'rewind'; readonly reason: string }
  /** A worker says that it has seen a later coordinator of this run: see in the run's folder whether there is one, and stop where there is. */
  | { readonly kind: 'checkFence' }
  /** Terms have reached this incarnation: to be written down like a start of its own. */
  | { readonly kind: 'incarnation'; readonly incarnation: number }
  /** The job cannot go on, on any machine. */
  | { readonly kind: 'failed'; readonly message: string }
  /** A message that came too late, twice, or from elsewhere. Nothing was changed by it. */
  | { readonly kind: 'refused'; readonly what: string }
  | { readonly kind: 'event'; readonly event: ClusterEvent };

/** What people are told. */
export type ClusterEvent =
  | {
      readonly type: 'worker-joined';
      readonly worker: number;
      readonly name: string;
      readonly threads: number;
      readonly address: string;
      /** Workers that are ready now. */
      readonly workers: number;
    }
  | {
      readonly type: 'worker-lost';
      readonly worker: number;
      readonly name: string;
      readonly reason: string;
      /** Given to others: those that no sum which has arrived covers. */
      readonly shards: readonly number[];
      readonly step: number;
      /** From noticing until their sums were there. */
      readonly recoveredMs: number;
      readonly workers: number;
    }
  | {
      readonly type: 'straggler';
      readonly worker: number;
      readonly name: string;
      readonly step: number;
      /** Time of its shards alone. */
      readonly computeMs: number;
      readonly expectedMs: number;
    }
  /** Nobody is there to go on with. `lost`: why, in words, by worker whose `worker-lost` is still to come. */
  | {
      readonly type: 'waiting';
      readonly step: number;
      readonly workers: number;
      readonly needed: number;
      readonly lost: readonly string[];
    }
  | { readonly type: 'warning'; readonly message: string; readonly step: number };
