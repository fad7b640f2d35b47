import { StatusError, status } from '../grpc/status-error.ts';
import { type Elements, FinalElements } from './final-elements.ts';
import type { PieceSource } from './piece-source.ts';

/** A piece that is or becomes ready part by part: what is there can leave while the rest is computed. */
export class Publication {
  readonly source: PieceSource;
  #withdrawn = false;
  readonly #final: FinalElements;
  #waiting: (() => void)[] = [];

  /** @param elements of the vector that are final; Infinity = all */
  constructor(source: PieceSource, elements = Number.POSITIVE_INFINITY) {
    this.source = source;
    this.#final = new FinalElements(elements);
  }

  /** Whether the piece was taken from the board. */
  get withdrawn(): boolean {
    return this.#withdrawn;
  }

  /** Elements `0..elements` are final now. */
  advance(elements: number): void {
    this.settle({ from: 0, to: elements });
  }

  /** These elements are final now, those before them perhaps not. */
  settle(elements: Elements): void {
    this.#final.add(elements);
    this.#wake();
  }

  finish(): void {
    this.advance(Number.POSITIVE_INFINITY);
  }

  withdraw(): void {
    this.#withdrawn = true;
    this.#wake();
  }

  /** Resolves when `bytes` of a slice of this piece are final. @throws StatusError ABORTED when they will not be, or nobody waits */
  async ready(slice: PieceSource, bytes: number, signal: AbortSignal): Promise<void> {
    const wake = () => this.#wake();
    while (!signal.aborted && !this.#withdrawn && slice.bytesBefore(this.#final.reach(slice.first ?? 0)) < bytes) {
      signal.addEventListener('abort', wake, { once: true });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      signal.removeEventListener('abort', wake);
    }
    if (signal.aborted || this.#withdrawn) throw new StatusError(status.ABORTED, 'the run has moved on');
  }

  /** To be called right before bytes are read: between `ready` and what follows it the piece may have been withdrawn, and is being overwritten. @throws StatusError ABORTED */
  check(): void {
    if (this.#withdrawn) throw new StatusError(status.ABORTED, 'the run has moved on');
  }

  #wake(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const resolve of woken) resolve();
  }
}
