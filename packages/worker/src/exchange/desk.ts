import type { Chunk, Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { Assembly } from './assembly.ts';
import { StaleCall } from './board.ts';
import { pieceKey } from './piece-key.ts';
import type { Sink } from './sink.ts';

interface Expected {
  readonly assembly: Assembly;
  readonly done: () => void;
  readonly fail: (error: Error) => void;
}

/** An expected piece as a push sees it: takes a chunk, tells how many bytes are here. */
export type Intake = (chunk: Chunk) => number;

/**
 * Where pieces arrive that are pushed. Nothing is taken that was not asked for: a push waits, held by flow control, until its piece is
 * expected or the term moves on.
 */
export class Desk {
  #term = 0;
  readonly #expected = new Map<string, Expected>();
  /** Bytes of the pieces of this term that are complete: one whose reply was lost is sent again. */
  readonly #complete = new Map<string, number>();
  #waiting: (() => void)[] = [];

  moveTerm(term: number): void {
    if (term <= this.#term) return;
    this.#term = term;
    for (const { fail } of this.#expected.values()) fail(new StatusError(status.ABORTED, 'the worker set has changed'));
    this.#expected.clear();
    this.#complete.clear();
    this.#wake();
  }

  /** Forgets what was complete; call it between items, so that nothing grows. */
  release(): void {
    this.#complete.clear();
  }

  /** Resolves when the whole piece of this member is in the sink. @throws StatusError ABORTED when the term moves on before */
  expect(member: number, piece: Piece, sink: Sink): Promise<void> {
    const name = `${member} ${pieceKey(piece).text}`;
    this.#complete.delete(name);
    return new Promise((resolve, reject) => {
      this.#expected.set(name, { assembly: new Assembly(sink), done: resolve, fail: reject });
      this.#wake();
    });
  }

  /** Waits until a piece of this member is expected. @throws StatusError ABORTED where the run has moved on */
  async open(member: number, piece: Piece | undefined, term: number, signal: AbortSignal): Promise<Intake> {
    const name = `${member} ${pieceKey(piece).text}`;
    const wake = () => this.#wake();
    if (term < this.#term) throw new StaleCall(`term ${term} is over, it is ${this.#term}`);
    for (;;) {
      if (signal.aborted) throw new StatusError(status.ABORTED, 'nobody sends any more');
      if (term < this.#term) throw new StatusError(status.ABORTED, `term ${term} is over, it is ${this.#term}`);
      const found = term === this.#term ? this.#expected.get(name) : undefined;
      if (found) return (chunk) => this.#take(name, found, chunk);
      const complete = this.#complete.get(name);
      if (term === this.#term && complete !== undefined) return () => complete;
      signal.addEventListener('abort', wake, { once: true });
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      signal.removeEventListener('abort', wake);
    }
  }

  #take(name: string, { assembly, done }: Expected, chunk: Chunk): number {
    assembly.accept(chunk);
    if (assembly.complete && this.#expected.get(name)?.assembly === assembly) {
      this.#expected.delete(name);
      this.#complete.set(name, assembly.received);
      done();
    }
    return assembly.received;
  }

  close(): void {
    this.moveTerm(Number.MAX_SAFE_INTEGER);
  }

  #wake(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const resolve of woken) resolve();
  }
}
