import type { MessageInitShape } from '@bufbuild/protobuf';
import type { FromCoordinator, FromWorkerSchema, Upcoming, Work } from '../gen/lockstep/v1/training_pb.ts';
import type { TreeNode } from '../sharding/tree.ts';

/** A message as it is handed to the transport; the term is filled in. */
export type ToCoordinator = MessageInitShape<typeof FromWorkerSchema>;
/** What a worker says, without the term. */
export type FromWorkerMessage = NonNullable<ToCoordinator['message']>;

/** What an update left: the fields of `Updated`. */
export interface UpdateResult {
  /** 128 bits, hexadecimal. */
  readonly digest: string;
  readonly status: number;
  /** Sums and weights of loss and metrics: little-endian f32. */
  readonly statistics: Uint8Array;
  readonly gradientNorm: number;
  readonly penalty: number;
  readonly gradientSquares: readonly number[];
}

/** A node of the tree that was computed, with its values where they are short enough to travel in `Computed`. */
export interface ComputedNode extends TreeNode {
  readonly values?: Uint8Array;
  /** Whether there are outputs of an evaluation beside it. */
  readonly outputs?: boolean;
}

/** What a worker does for a while and then answers, with `done` or `failed`. */
export type WorkerJob =
  /** Pull the job with this digest from the coordinator, unless it is planned already; check and plan it. */
  | { readonly kind: 'prepare'; readonly run: string; readonly term: number; readonly jobDigest: string }
  /** Pull the parameters after this item from the coordinator. */
  | { readonly kind: 'loadParameters'; readonly term: number; readonly item: number }
  /** Pull the whole state after this item; an empty address is the coordinator's. Answers `digest`. */
  | { readonly kind: 'loadState'; readonly term: number; readonly item: number; readonly address: string }
  /** Get the samples of these ranges and compute them; put their nodes on the board. Answers `nodes` and `computeMs`. */
  | { readonly kind: 'compute'; readonly work: Work; readonly ranges: readonly TreeNode[] }
  /** Push what of these nodes does not travel in `Computed` to the coordinator, who cannot fetch it. */
  | { readonly kind: 'push'; readonly term: number; readonly item: number; readonly nodes: readonly ComputedNode[] }
  /**
   * As an owner pull one's slice of every node of every share, add them up by the tree and put the sum on the board; pull the
   * slices of all owners. Begins while shards are still being computed: pulls wait until a piece is there.
   */
  | { readonly kind: 'exchange'; readonly term: number; readonly work: Work; readonly member: number }
  /** Pull the reduced sums of this item from a peer that has all of them. */
  | { readonly kind: 'loadReduced'; readonly term: number; readonly item: number; readonly address: string }
  /** Apply the update of this item from the reduced sums. Answers `update`. Cannot be cancelled. */
  | { readonly kind: 'update'; readonly work: Work };

/**
 * What the state machine wants done. Jobs that use the replica (`load…`, `compute`, `update`) are done one at a time in the order
 * they were given; those that only move data run beside them.
 */
export type WorkerEffect =
  | { readonly kind: 'dial'; readonly connection: number }
  | { readonly kind: 'hangUp'; readonly connection: number; readonly reason: string }
  | { readonly kind: 'send'; readonly connection: number; readonly message: ToCoordinator }
  | { readonly kind: 'start'; readonly id: number; readonly job: WorkerJob }
  /** The answer is of no use any more. What is under way in the replica may go on; its answer is ignored. */
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'prefetch'; readonly upcoming: Upcoming }
  /** Take pieces of items before this one off the board. */
  | { readonly kind: 'drop'; readonly before: number }
  /** Another run, or another coordinator of it: items are numbered anew, the board is empty, no state is held. */
  | { readonly kind: 'forget' }
  /** A message or answer that came too late, twice, or from a coordinator that was replaced. Nothing was changed by it. */
  | { readonly kind: 'refused'; readonly what: string }
  /** It is over; the process may end. */
  | { readonly kind: 'end'; readonly reason: string };

export interface WorkerAnswer {
  readonly nodes?: readonly ComputedNode[];
  /** Time of the shards alone. */
  readonly computeMs?: number;
  readonly update?: UpdateResult;
  /** Of parameters that were loaded: 128 bits, hexadecimal. */
  readonly digest?: string;
}

/** What happens to a worker. */
export type WorkerInput =
  /** Time passes: to be said at least every {@link tickMs}. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'connected'; readonly connection: number }
  | { readonly kind: 'disconnected'; readonly connection: number; readonly reason: string }
  | { readonly kind: 'received'; readonly connection: number; readonly message: FromCoordinator }
  | { readonly kind: 'done'; readonly id: number; readonly answer: WorkerAnswer }
  | {
      readonly kind: 'failed';
      readonly id: number;
      readonly message: string;
      /** `job`: any machine would fail; `machine`: this one does; `network`: it may work when tried again. */
      readonly fault: 'job' | 'machine' | 'network';
      /** The member that could not be reached, where it was one. */
      readonly member?: number;
    }
  /** SIGTERM: finish what is being computed, take no more, go. */
  | { readonly kind: 'leave'; readonly reason: string };

/** Often enough that leases (10 s) and stragglers (100 ms) are seen in time, seldom enough to cost nothing. In milliseconds. */
export const tickMs = 50;
