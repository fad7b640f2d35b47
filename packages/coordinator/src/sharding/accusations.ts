import type { Member } from '../membership/member.ts';

/** Who found the job or its data at fault in the round at hand: a single worker's word ends no run where others can compute the same. */
export class Accusations {
  readonly #processes = new Set<string>();

  /** @param able who could compute the same shards @returns whether the job is to be believed at fault */
  add({ instance }: Member, able: readonly Member[]): boolean {
    const other = (one: string) => one !== instance;
    if (!able.some((member) => other(member.instance)) || [...this.#processes].some(other)) return true;
    this.#processes.add(instance);
    return false;
  }

  clear(): void {
    this.#processes.clear();
  }
}
