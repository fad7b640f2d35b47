/** Between two warnings for the same reason, in milliseconds: an attacker must not fill a log, nor hide what else is in it. */
const againMs = 60_000;

/** Different texts that are remembered; further ones share one place, since names of workers come from others. */
const mostTexts = 256;

/** What people are told of each reason for which something is refused; those without a text are told in sentences of their own, or are no news. */
const texts: Readonly<Record<string, string>> = {
  ACCEPT: 'A connection could not be accepted: raise `ulimit -n`',
  CERTIFICATE: 'A connection was refused that has no certificate of the authority of this run',
  CONNECTIONS: 'A connection was refused because too many are open',
  DATA_LOSS: 'A call was ended whose bytes had changed on their way',
  HANDSHAKE_TIMEOUT: 'A connection was closed that brought no accepted call in time',
  HTTP2: 'A connection was closed that did not keep to HTTP/2',
  INVALID_ARGUMENT: 'A call was ended whose bytes are no message',
  PERMISSION_DENIED: 'A call was refused for which its certificate is not the right one',
  RESOURCE_EXHAUSTED: 'A call was ended whose message was too long',
  TLS: 'A connection was refused whose TLS 1.3 handshake failed',
  UNAUTHENTICATED: 'A call was refused that came without a valid join token',
};

interface Told {
  atMs: number;
  /** Since it was told. */
  count: number;
}

/** Tells people of what is refused: of each reason the first at once, then at most once a minute, with how many there were. */
export class RefusalWarnings {
  readonly #warn: (message: string) => void;
  readonly #now: () => number;
  readonly #told = new Map<string, Told>();

  constructor(warn: (message: string) => void, now: () => number = () => performance.now()) {
    this.#warn = warn;
    this.#now = now;
  }

  /** @param from the peer's address, where it is known */
  count(reason: string, from?: string): void {
    const text = texts[reason];
    if (text !== undefined) this.tell(text, from);
  }

  /** @param text without a full stop */
  tell(text: string, from?: string): void {
    const nowMs = this.#now();
    const key = this.#told.has(text) || this.#told.size < mostTexts ? text : '';
    const told = this.#told.get(key) ?? { atMs: Number.NEGATIVE_INFINITY, count: 0 };
    this.#told.set(key, told);
    told.count++;
    if (nowMs - told.atMs < againMs) return;
    const where = from === undefined ? '' : ` (from ${from})`;
    this.#warn(
      `${text}${where}${told.count > 1 ? `, and ${told.count - 1} more like it since the last such warning` : ''}.`,
    );
    told.atMs = nowMs;
    told.count = 0;
  }
}
