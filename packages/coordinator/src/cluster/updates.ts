import type { JobSpec, PhaseSpec, StepValues } from '@lockstep/core/internal';
import type { Replica, SlotAnswer, Updated } from '@lockstep/worker';
import type { RunRecord } from '../engine/run-record.ts';
import type { AtHand, Task } from './at-hand.ts';
import type { LocalItem } from './local-agenda.ts';
import type { LocalTraining } from './local-training.ts';
import type { NodeCollector } from './node-collector.ts';

/** What becomes of sums that are all here: an evaluation is written down, the coordinator's replica updated; or workers have updated theirs. */
export class Updates {
  readonly #spec: JobSpec;
  readonly #hand: AtHand;

  constructor(spec: JobSpec, hand: AtHand) {
    this.#spec = spec;
    this.#hand = hand;
  }

  async reduced(item: number): Promise<void> {
    const task = this.#hand.task as Task;
    const { root, gathered } = this.#hand.collector as NodeCollector;
    if (task.item.kind === 'evaluate') await this.#record.evaluated(task.item, root, gathered);
    else if (task.item.kind === 'local') await this.#outerStep(task.item, task, root);
    else {
      const { shelf, member } = this.#hand;
      const replica = this.#hand.replica as Replica;
      replica.reduced.set(root);
      shelf?.withdraw();
      // The threads may still be busy with shards that somebody else was faster with.
      const { phase, learningRates } = task.spec;
      const update = () => replica.update({ phase, learningRates });
      const answer = await (member ? member.order(update) : update());
      this.#record.trained(task.item, task.values[0] as StepValues, copyOf(answer), () => replica.reduced);
      shelf?.offer(item);
    }
  }

  /** Of a flow: by one gradient. */
  async apply(sum: Float32Array, learningRates: readonly number[], version: number): Promise<SlotAnswer> {
    const replica = this.#hand.replica as Replica;
    replica.reduced.set(sum);
    const answer = copyOf(await replica.update({ phase: 0, learningRates }));
    this.#hand.shelf?.offer(version, this.#hand.flow?.versions);
    return answer;
  }

  /** Workers have applied the update of this item. */
  committed(item: number, updated: Updated): void {
    const task = this.#hand.task as Task;
    if (item !== task.spec.item || task.item.kind !== 'train') return;
    const { program } = this.#spec.phases[task.item.phase] as PhaseSpec;
    const statistics = new Float32Array(program.statistics.length);
    new Uint8Array(statistics.buffer).set(updated.statistics.subarray(0, statistics.byteLength));
    const answer: SlotAnswer = {
      status: updated.status,
      statistics,
      gradientNorm: updated.gradientNorm,
      penalty: updated.penalty,
      gradientSquares: Float64Array.from(updated.gradientSquares),
      digest: updated.digest,
    };
    this.#record.trained(task.item, task.values[0] as StepValues, answer, () => new Float32Array());
  }

  get #record(): RunRecord {
    return this.#hand.record as RunRecord;
  }

  async #outerStep(item: LocalItem, { spec, values: ofSteps }: Task, root: Float32Array): Promise<void> {
    const { shelf } = this.#hand;
    shelf?.withdraw();
    const replica = this.#hand.replica as Replica;
    const updates = await (this.#hand.local as LocalTraining).step(item, spec.item, ofSteps, root, replica);
    for (const { item: update, values, answer } of updates)
      this.#record.trained(update, values, answer, () => new Float32Array());
    shelf?.offer(spec.item);
  }
}

/** Arrays of an answer are views until the next order. */
const copyOf = (answer: SlotAnswer): SlotAnswer => ({
  ...answer,
  statistics: answer.statistics.slice(),
  gradientSquares: answer.gradientSquares.slice(),
});
