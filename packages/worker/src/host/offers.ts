import type { PieceSource } from '../exchange/piece-source.ts';
import type { Publication } from '../exchange/publication.ts';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Workplace } from './workplace.ts';

/** Sums and outputs of the item at hand on the board. They lie where the next item is computed. */
export class Offers {
  readonly #place: Workplace;
  #pieces: Piece[] = [];

  constructor(place: Workplace) {
    this.#place = place;
  }

  /** @param elements that are final already; default: all */
  add(piece: Piece, source: PieceSource, elements?: number): Publication {
    this.#pieces.push(piece);
    return this.#place.board.publish(piece, source, elements);
  }

  withdraw(): void {
    for (const piece of this.#pieces) this.#place.board.withdraw(piece);
    this.#pieces = [];
  }

  /** There is another board. */
  forget(): void {
    this.#pieces = [];
  }
}
