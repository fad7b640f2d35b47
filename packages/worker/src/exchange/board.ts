import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { type PieceKey, pieceKey } from './piece-key.ts';
import type { PieceSource } from './piece-source.ts';
import { Publication } from './publication.ts';

const movedOn = (what: string) => new StatusError(status.ABORTED, what);

/** A call that comes too late, or again: its term or item is over. */
export class StaleCall extends StatusError {
  constructor(what: string) {
    super(status.ABORTED, what);
  }
}

/**
 * The pieces that a member has for others. Whoever asks early waits until the piece is published; when the term moves on, everybody
 * who asked under an older one is sent away with ABORTED, while the pieces stay until they are released.
 */
export class Board {
  #term = 0;
  #floor = 0;
  readonly #published = new Map<string, { key: PieceKey; publication: Publication }>();
  #waiting: (() => void)[] = [];
  #termOver = new AbortController();

  get term(): number {
    return this.#term;
  }

  /** Only ever upwards; ends what was asked for under older terms. */
  moveTerm(term: number): void {
    if (term <= this.#term) return;
    this.#term = term;
    this.#termOver.abort(movedOn(`term ${term} has begun`));
    this.#termOver = new AbortController();
    this.#wake();
  }

  /**
   * Puts a piece up; one of the same name is replaced.
   * @param elements of the vector that are final already; the rest follows by `advance`
   */
  publish(piece: Piece, source: PieceSource, elements?: number): Publication {
    const key = pieceKey(piece);
    this.#published.get(key.text)?.publication.withdraw();
    const publication = new Publication(source, elements);
    this.#published.set(key.text, { key, publication });
    this.#wake();
    return publication;
  }

  has(piece: Piece): boolean {
    return this.#published.has(pieceKey(piece).text);
  }

  withdraw(piece: Piece): void {
    const { text } = pieceKey(piece);
    this.#published.get(text)?.publication.withdraw();
    this.#published.delete(text);
  }

  /** Withdraws all pieces of items before this one; whoever asks for them later learns that they are gone. */
  release(item: number): void {
    this.#floor = Math.max(this.#floor, item);
    for (const [text, { key, publication }] of this.#published)
      if (key.item !== undefined && key.item < this.#floor) {
        publication.withdraw();
        this.#published.delete(text);
      }
    this.#wake();
  }

  /** Ends everything, e.g. when the member leaves. */
  close(): void {
    for (const { publication } of this.#published.values()) publication.withdraw();
    this.#published.clear();
    this.moveTerm(Number.MAX_SAFE_INTEGER);
  }

  /**
   * Waits for a piece.
   *
   * @param term of the asker: a higher one than the board's waits until the board has caught up
   * @returns the publication and a signal that aborts when the term is over
   * @throws StatusError ABORTED where the run has moved on
   */
  async find(
    piece: Piece | undefined,
    term: number,
    signal: AbortSignal,
  ): Promise<{ publication: Publication; slice: PieceSource; over: AbortSignal }> {
    const key = pieceKey(piece);
    const wake = () => this.#wake();
    const over = () => {
      if (term < this.#term) return `term ${term} is over, it is ${this.#term}`;
      return key.item !== undefined && key.item < this.#floor ? `item ${key.item} is done and released` : undefined;
    };
    const late = over();
    if (late) throw new StaleCall(late);
    for (;;) {
      if (signal.aborted) throw movedOn('nobody waits any more');
      const why = over();
      if (why) throw movedOn(why);
      const found = term === this.#term ? this.#published.get(key.text)?.publication : undefined;
      if (found) {
        const slice = key.slice ? found.source.slice(key.slice.from, key.slice.to) : found.source;
        return { publication: found, slice, over: this.#termOver.signal };
      }
      signal.addEventListener('abort', wake, { once: true });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      signal.removeEventListener('abort', wake);
    }
  }

  #wake(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const resolve of woken) resolve();
  }
}
