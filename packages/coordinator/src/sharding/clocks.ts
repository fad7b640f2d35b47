/**
 * How far each worker is, in updates of its own, and who may begin another one (Ho et al. 2013, "More Effective Distributed ML via a Stale
 * Synchronous Parallel Parameter Server"): the fastest is never more than `bound` ahead of the slowest.
 */
export class Clocks {
  readonly #bound: number;
  /** Updates that each has given. */
  readonly #done = new Map<number, number>();

  /** @param bound in updates; Infinity: nobody waits for anybody */
  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Who comes anew begins with the slowest: it cannot have missed what was before it. */
  enter(member: number): void {
    if (!this.#done.has(member)) this.#done.set(member, this.#slowest);
  }

  /** It is gone: nobody waits for it any more. */
  leave(member: number): void {
    this.#done.delete(member);
  }

  finished(member: number): void {
    const done = this.#done.get(member);
    if (done !== undefined) this.#done.set(member, done + 1);
  }

  /** Whether a member may begin its next update. */
  mayBegin(member: number): boolean {
    return (this.#done.get(member) ?? 0) - this.#slowest <= this.#bound;
  }

  get #slowest(): number {
    return this.#done.size === 0 ? 0 : Math.min(...this.#done.values());
  }
}
