import type { Member } from '../membership/member.ts';
import type { ClusterEvent } from './effects.ts';

interface Loss {
  readonly member: Member;
  readonly reason: string;
  /** That others have to compute. */
  readonly shards: readonly number[];
  readonly atMs: number;
  readonly step: number;
  /** Whether it was said already that it is gone. */
  told?: boolean;
}

/** Where others are longer at it, it is said before they are done, in milliseconds: shards of most steps take less. */
const patienceMs = 1000;

/** Workers that are gone, until what they left undone is done: only then is it known how long it took. */
export class Losses {
  #open: Loss[] = [];

  add(loss: Loss): void {
    this.#open.push(loss);
  }

  /** Who is gone and why, in words, for those of whom nothing was said yet. */
  tell(): string[] {
    return this.#untold().map(inWords);
  }

  /** The same as warnings, for those whose shards others have been at for a while. */
  overdue(nowMs: number): Extract<ClusterEvent, { type: 'warning' }>[] {
    return this.#untold((loss) => nowMs - loss.atMs > patienceMs).map((loss) => {
      const { shards, step } = loss;
      const message = `Lost ${inWords(loss)}. ${shards.length} of its shards ${shards.length === 1 ? 'is' : 'are'} being computed again.`;
      return { type: 'warning', step, message };
    });
  }

  #untold(due: (loss: Loss) => boolean = () => true): Loss[] {
    const found = this.#open.filter((loss) => !loss.told && loss.shards.length > 0 && due(loss));
    for (const loss of found) loss.told = true;
    return found;
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

const inWords = ({ member: { id, name }, reason }: Loss): string => `worker ${id} (${name}): ${reason}`;
