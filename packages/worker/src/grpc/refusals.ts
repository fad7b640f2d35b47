/**
 * What was refused, by reason: statuses of calls under their gRPC name (`UNAUTHENTICATED`, `INVALID_ARGUMENT`, ...), and what
 * happens before there is a call: `CONNECTIONS` too many of them, `HANDSHAKE_TIMEOUT` no accepted call in time, `TLS` a failed
 * handshake, `CERTIFICATE` none or one that is not trusted, `HTTP2` bytes that are none or too many of a kind. `STALE` are calls that belong to a term
 * or item that is over.
 */
export class Refusals {
  readonly #counts = new Map<string, number>();
  readonly #told: (reason: string, from?: string) => void;

  /** @param told of each one */
  constructor(told: (reason: string, from?: string) => void = () => undefined) {
    this.#told = told;
  }

  /** @param from address of the peer, without its port, where it is known */
  count(reason: string, from?: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    this.#told(reason, from);
  }

  of(reason: string): number {
    return this.#counts.get(reason) ?? 0;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, n) => sum + n, 0);
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
