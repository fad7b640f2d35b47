import type { JobSpec } from '@lockstep/core/internal';
import { type Desk, nodesOf, replicaShards, type TreeNode, type Work, WorkKind } from '@lockstep/worker';
import type { ToWorker } from '../sharding/effects.ts';
import type { AtHand, Task } from './at-hand.ts';
import type { BatchBoard } from './batch-board.ts';
import type { ClusterDriver } from './cluster-driver.ts';
import { type NodeCollector, SpoiltSums } from './node-collector.ts';

export interface HandoutParts {
  readonly spec: JobSpec;
  readonly batches: BatchBoard;
  readonly desk: Desk;
  readonly driver: ClusterDriver;
  readonly hand: AtHand;
}

type ToRanges = readonly { lo?: number; hi?: number }[] | undefined;

/** What goes along with work that is given out: its samples are put up, and what its worker will push is expected. */
export class Handout {
  readonly #parts: HandoutParts;

  constructor(parts: HandoutParts) {
    this.#parts = parts;
  }

  /** A message is about to leave. */
  sending(session: number, message: NonNullable<ToWorker['message']>): void {
    if (message.case !== 'work') return;
    const { batches, driver, hand } = this.#parts;
    const { flow, task, upcoming } = hand;
    const work = message.value;
    const item = work.item as number;
    const fail = (error: Error) => driver.fail(error);
    const member = driver.core.members.find((one) => one.session === session);
    if (flow) flow.sending(work as Work, plain(work.ranges)).catch(fail);
    if (member?.address === '') this.#expectPushes(member.id, item, hand.collectorOf(item), this.#nodesOf(work));
    if (flow) return;
    if (task && item === task.spec.item)
      for (const batch of task.batches) batches.offer(batch, this.#shardsOf(task, work)).catch(fail);
    if (upcoming && work.upcoming?.item === upcoming.spec.item)
      for (const batch of upcoming.batches) batches.offer(batch, this.#shardsOf(upcoming, work.upcoming)).catch(fail);
  }

  /** Shards whose samples are needed; of local training those of each replica, one by one. */
  #shardsOf({ spec }: Pick<Task, 'spec'>, { ranges }: { ranges?: ToRanges }): { lo: number; hi: number }[] {
    if (spec.kind !== 'local') return plain(ranges);
    const { shards } = this.#parts.spec.batch;
    return plain(ranges).flatMap(({ lo, hi }) =>
      Array.from({ length: hi - lo }, (_, i) => replicaShards(lo + i, spec.samples, shards)),
    );
  }

  /** What somebody sends who computes this. */
  #nodesOf(work: { kind?: WorkKind; ranges?: ToRanges; samples?: number }): readonly TreeNode[] {
    const { local } = this.#parts.hand;
    const ranges = plain(work.ranges);
    if (local && work.kind === WorkKind.LOCAL) return local.nodesOf(ranges);
    return nodesOf(ranges, work.samples ?? 0, this.#parts.spec.batch.shards);
  }

  /** Sums of a member that nobody can reach come without being fetched. */
  #expectPushes(member: number, item: number, collector: NodeCollector | undefined, nodes: readonly TreeNode[]): void {
    if (!collector) return;
    const { driver, desk } = this.#parts;
    for (const node of nodes) {
      collector.expect(member, node, desk)?.then(
        (different) => driver.handle({ kind: 'arrived', member, item, node, ...(different && { different }) }),
        (error: Error) => {
          // Otherwise the member or the item is over; whoever misses the sums gives the shards to others.
          if (!(error instanceof SpoiltSums)) return;
          driver.handle({ kind: 'spoilt', member, item, node, reason: error.message });
        },
      );
    }
  }
}

const plain = (ranges: ToRanges): { lo: number; hi: number }[] =>
  (ranges ?? []).map(({ lo = 0, hi = 0 }) => ({ lo, hi }));
