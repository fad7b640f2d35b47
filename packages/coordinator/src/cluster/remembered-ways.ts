import { FormatError, type ParameterLayout } from '@lockstep/core/internal';
import { type Board, type Compression, pieces, type TrainingState, vectorSource, WayCodec } from '@lockstep/worker';
import { bytesIntake, type IntakeOf } from './intake.ts';

/** Among the vectors of a checkpoint. */
const vectorOf = (replica: number): string => `way_${replica}`;

/**
 * What is remembered of replicas' ways where they are told as differences (see `WayCodec`): part of the state of the run, like the outer momentum.
 * Whoever computes a replica has the same or gets it here, so that a way's bits do not depend on who told it.
 */
export class RememberedWays {
  /** Ways as they come in. */
  readonly intake: IntakeOf;
  readonly #board: Board;
  #ways: readonly Float32Array[];
  /** The round that they are remembered after; 0 = the state this incarnation began with. */
  #item = 0;
  /** As told in the round at hand. */
  readonly #told = new Map<number, Float32Array>();

  constructor(board: Board, layout: ParameterLayout, replicas: number, compression: Compression, state: TrainingState) {
    const { length } = layout;
    const codec = new WayCodec(compression, layout);
    this.#board = board;
    this.#ways = Array.from(
      { length: replicas },
      (_, replica) => state.optimizer[vectorOf(replica)]?.slice() ?? new Float32Array(length),
    );
    this.intake = bytesIntake(compression, (bytes, into, { lo, hi }) => {
      const remembered = this.#ways[lo];
      if (!remembered || hi !== lo + 1) throw new FormatError(`Replicas ${lo} to ${hi} have no way of their own.`);
      codec.decode(bytes, remembered, into);
      this.#told.set(lo, into.slice(0, length));
    });
    this.#offer();
  }

  get item(): number {
    return this.#item;
  }

  get vectors(): Record<string, Float32Array> {
    return Object.fromEntries(this.#ways.map((way, replica) => [vectorOf(replica), way.slice()]));
  }

  /** The round has counted: from here on its ways are remembered. */
  commit(item: number): void {
    for (const replica of this.#ways.keys()) this.#board.withdraw(pieces.way(this.#item, replica));
    this.#ways = this.#ways.map((way, replica) => this.#told.get(replica) ?? way);
    this.#item = item;
    this.#told.clear();
    this.#offer();
  }

  /** The round has changed nothing. */
  abandon(): void {
    this.#told.clear();
  }

  #offer(): void {
    for (const [replica, way] of this.#ways.entries())
      this.#board.publish(pieces.way(this.#item, replica), vectorSource(way));
  }
}
