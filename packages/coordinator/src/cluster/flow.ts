import type { StepValues } from '@lockstep/core/internal';
import type { SlotAnswer, TreeNode, Work } from '@lockstep/worker';
import type { AgendaItem } from '../engine/agenda.ts';
import type { RunRecord } from '../engine/run-record.ts';
import type { ClusterEffect, ItemSpec } from '../sharding/effects.ts';
import type { BatchBoard, BatchRequest } from './batch-board.ts';
import type { NodeCollector } from './node-collector.ts';

/** A batch that somebody is to compute a gradient of. */
export interface Ticket {
  readonly item: AgendaItem & { kind: 'train' };
  readonly spec: ItemSpec;
  /** Of the step whose samples it is made of. */
  readonly values: StepValues;
}

export interface FlowParts {
  /** The item that was begun. */
  readonly item: number;
  readonly first: Ticket;
  next(): Promise<Ticket | undefined>;
  readonly batches: BatchBoard;
  collectorFor(spec: ItemSpec): NodeCollector;
  /** Applies a gradient and puts the parameters up. */
  update(sum: Float32Array, learningRates: readonly number[], version: number): Promise<SlotAnswer>;
  readonly record: RunRecord;
}

interface Turn {
  readonly ticket: Ticket;
  readonly collector: NodeCollector;
  /** The item whose parameters it is computed with. */
  readonly version: number;
}

/** What the coordinator holds while updates are applied as they come: batches that are given out, gradients on their way, and the parameters they began with. */
export class Flow {
  readonly #parts: FlowParts;
  /** By their step. */
  readonly #tickets = new Map<number, Ticket>();
  /** Schedules of steps whose updates are still to be applied. */
  readonly #values = new Map<number, StepValues>();
  readonly #turns = new Map<number, Turn>();

  constructor(parts: FlowParts) {
    this.#parts = parts;
    this.#take(parts.first);
  }

  /** Parameters that somebody may still ask for. */
  get versions(): Set<number> {
    return new Set([...this.#turns.values()].map(({ version }) => version));
  }

  async want(): Promise<ItemSpec | undefined> {
    const ticket = await this.#parts.next();
    if (ticket) this.#take(ticket);
    return ticket?.spec;
  }

  /** A batch is being given out, for the first time or again. */
  async sending(work: Pick<Work, 'item' | 'step' | 'parametersItem'>, ranges: readonly TreeNode[]): Promise<void> {
    const { batches, collectorFor } = this.#parts;
    const { item, step, parametersItem: version } = work;
    const ticket = this.#tickets.get(step);
    if (!ticket) throw new Error(`no batch of step ${step + 1} is to be given out`);
    this.#turns.set(item, { ticket, collector: collectorFor({ ...ticket.spec, item }), version });
    await batches.offer(this.#request(ticket), ranges, { item });
  }

  /** Where the gradient of a turn is put together; undefined where it is over. */
  collector(item: number): NodeCollector | undefined {
    return this.#turns.get(item)?.collector;
  }

  async apply({ item, step, version, staleness }: Extract<ClusterEffect, { kind: 'apply' }>): Promise<void> {
    const { update, record } = this.#parts;
    const { ticket, collector } = this.#turns.get(item) as Turn;
    // Schedules go by how many updates there were; what the gradient was computed with is its batch's.
    const { learningRates } = this.#values.get(step) as StepValues;
    const { root } = collector;
    this.#over(ticket);
    const answer = await update(root, learningRates, version);
    this.#values.delete(step);
    const { scalars } = ticket.values;
    const arrival = { batch: ticket.spec.step + 1, staleness };
    record.trained({ ...ticket.item, step }, { learningRates, scalars }, answer, () => root, arrival);
  }

  close(): void {
    for (const { collector } of this.#turns.values()) collector.close();
  }

  #take(ticket: Ticket): void {
    this.#tickets.set(ticket.spec.step, ticket);
    this.#values.set(ticket.spec.step, ticket.values);
    // A failure shows when it is offered.
    this.#parts.batches.read(this.#request(ticket)).catch(() => undefined);
  }

  /** Everything that was put up for a batch goes, whoever it was given to. */
  #over(ticket: Ticket): void {
    const { batches } = this.#parts;
    for (const [item, turn] of this.#turns) {
      if (turn.ticket !== ticket) continue;
      turn.collector.close();
      batches.withdraw(item);
      this.#turns.delete(item);
    }
    batches.forget(this.#request(ticket));
    this.#tickets.delete(ticket.spec.step);
  }

  #request({ item: { samples }, spec: { step } }: Ticket): BatchRequest {
    const { item, first } = this.#parts;
    return { item, step, test: false, samples, localStep: step - first.spec.step + 1 };
  }
}
