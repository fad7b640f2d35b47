import type { StepValues } from '@lockstep/core/internal';
import type { Replica } from '@lockstep/worker';
import type { RunRecord } from '../engine/run-record.ts';
import type { ItemSpec } from '../sharding/effects.ts';
import type { BatchRequest } from './batch-board.ts';
import type { Flow } from './flow.ts';
import type { WorkItem } from './item-plan.ts';
import type { LocalTraining } from './local-training.ts';
import type { NodeCollector } from './node-collector.ts';
import type { OwnMember } from './own-member.ts';
import type { ParameterShelf } from './parameter-shelf.ts';

/** An item as it is brought through. */
export interface Task {
  readonly item: WorkItem;
  readonly spec: ItemSpec;
  readonly batches: readonly BatchRequest[];
  /** Of its step, or of each step of a local round. */
  readonly values: readonly StepValues[];
}

/** The item that will probably be next. */
export type UpcomingTask = Pick<Task, 'spec' | 'batches'>;

/** What a coordinator is at, and with what: set by the party, read by its parts. */
export class AtHand {
  task: Task | undefined;
  upcoming: UpcomingTask | undefined;
  record: RunRecord | undefined;
  collector: NodeCollector | undefined;
  /** While updates are applied as they come. */
  flow: Flow | undefined;
  /** Where the coordinator owns the slices. */
  replica: Replica | undefined;
  shelf: ParameterShelf | undefined;
  local: LocalTraining | undefined;
  /** The threads of this process. */
  member: OwnMember | undefined;

  /** Where the sums of an item are put together; undefined where it is over. */
  collectorOf(item: number): NodeCollector | undefined {
    return this.flow ? this.flow.collector(item) : this.collector;
  }
}
