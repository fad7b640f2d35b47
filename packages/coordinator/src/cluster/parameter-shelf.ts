import { type Board, compoundSource, pieces, type Replica, type StateView, stateParts } from '@lockstep/worker';

/** The parameters of the coordinator's replica where workers can take them, named by the item that made them. */
export class ParameterShelf {
  readonly #board: Board;
  readonly #replica: Replica;
  readonly #copied: boolean;
  readonly #up = new Set<number>();

  /** @param copied whether older ones are still asked for while the replica goes on: then what is put up is a copy */
  constructor(board: Board, replica: Replica, copied: boolean) {
    this.#board = board;
    this.#replica = replica;
    this.#copied = copied;
  }

  /** The replica is about to change: whoever is taking the parameters out of it fails. */
  withdraw(): void {
    if (!this.#copied) this.#drop(new Set());
  }

  /** Puts up what the replica holds now. @param wanted older ones that somebody may still ask for */
  offer(item: number, wanted: ReadonlySet<number> = new Set()): void {
    const { parameters, vectors } = this.#replica.state;
    const held: StateView = { parameters, vectors: vectors.ema ? { ema: vectors.ema } : {}, groups: [] };
    const parts = stateParts(held);
    this.#board.publish(
      pieces.parameters(item),
      compoundSource(this.#copied ? parts.map((part) => part.slice()) : parts),
    );
    this.#up.add(item);
    this.#drop(new Set([...wanted, item]));
  }

  #drop(but: ReadonlySet<number>): void {
    for (const item of this.#up) {
      if (but.has(item)) continue;
      this.#board.withdraw(pieces.parameters(item));
      this.#up.delete(item);
    }
  }
}
