import type { TreeNode } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import { apportion, makespan } from './apportion.ts';

/** New ranges are new tapes and new samples to fetch: they must be worth that much. */
const worthFactor = 1.1;

/** Ranges of whole batches, which stay as they are while speeds only jitter. */
export class Apportioner {
  readonly #last = new Map<string, { readonly members: string; readonly ranges: readonly TreeNode[] }>();

  /** @param speeds relative, in the order of the members */
  ranges(kind: string, members: readonly Member[], speeds: readonly number[], shards: number): readonly TreeNode[] {
    const ids = members.map(({ id }) => id).join();
    const last = this.#last.get(kind);
    const fresh = apportion(shards, speeds);
    if (last?.members === ids && makespan(last.ranges, speeds) <= worthFactor * makespan(fresh, speeds)) {
      return last.ranges;
    }
    this.#last.set(kind, { members: ids, ranges: fresh });
    return fresh;
  }
}
