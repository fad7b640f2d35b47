import type { Member } from '../membership/member.ts';
import type { ClusterEvent } from './effects.ts';

interface Loss {
  readonly member: Member;
  readonly reason: string;
  /** That others have to compute. */
  readonly shards: readonly number[];
  readonly atMs: number;
  readonly step: number;
}

/** Workers that are gone, until what they left undone is done: only then is it known how long it took. */
export class Losses {
  #open: Loss[] = [];

  add(loss: Loss): void {
    this.#open.push(loss);
  }

  /** Those whose shards are covered now. */
  take(
    covered: (shards: readonly number[]) => boolean,
    nowMs: number,
    workers: number,
  ): Extract<ClusterEvent, { type: 'worker-lost' }>[] {
    const over = this.#open.filter(({ shards }) => shards.length === 0 || covered(shards));
    if (over.length > 0) this.#open = this.#open.filter((loss) => !over.includes(loss));
    return over.map(({ member: { id: worker, name }, reason, shards, atMs, step }) => {
      const recoveredMs = shards.length === 0 ? 0 : nowMs - atMs;
      return { type: 'worker-lost', worker, name, reason, shards, step, recoveredMs, workers };
    });
  }
}
