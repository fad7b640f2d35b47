import { vectorSource } from '../exchange/piece-source.ts';
import { pieces } from '../exchange/pieces.ts';
import { vectorSink } from '../exchange/sink.ts';
import { bytesOf } from '../exchange/vector-format.ts';
import type { Work } from '../gen/lockstep/v1/training_pb.ts';
import type { UpdateResult, WorkerAnswer } from '../member/effects.ts';
import { compoundSink, compoundSource, stateParts } from './compound-piece.ts';
import type { Workplace } from './workplace.ts';

/** Parameters and optimizer state: taken from others, updated, and put up for others. */
export class StateTasks {
  readonly #place: Workplace;
  /** The item after which the state is on the board; 0 = none. */
  #item = 0;

  constructor(place: Workplace) {
    this.#place = place;
  }

  get item(): number {
    return this.#item;
  }

  forget(): void {
    this.#item = 0;
  }

  async loadParameters(item: number, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { replica } = this.#place.planned;
    if (this.#place.shares) return {};
    const { parameters, vectors } = replica.state;
    const averages = vectors.ema ? { ema: vectors.ema } : {};
    const parts = stateParts({ parameters, vectors: averages, groups: [] });
    await this.#place.pull('', term, signal)(pieces.parameters(item), compoundSink(parts));
    await replica.refresh();
    return {};
  }

  async loadState(item: number, address: string, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { replica } = this.#place.planned;
    // What is up is where the other state comes to lie: whoever reads it would get some of both.
    this.#place.board.withdraw(pieces.state(this.#item));
    await this.#place.pull(address, term, signal)(pieces.state(item), compoundSink(stateParts(replica.state)));
    const digest = await replica.refresh();
    this.#offer(item);
    return { digest };
  }

  async loadReduced(item: number, address: string, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { reduced } = this.#place.planned.replica;
    const piece = pieces.reduced(item, { from: 0, to: reduced.length });
    await this.#place.pull(address, term, signal)(piece, vectorSink(reduced, this.#place.format));
    return {};
  }

  async update({ item, phase, learningRates }: Work): Promise<WorkerAnswer> {
    const { board, planned, format } = this.#place;
    const { replica } = planned;
    board.withdraw(pieces.state(this.#item));
    const answer = await replica.update({ phase, learningRates });
    this.#offer(item);
    const all = { from: 0, to: replica.reduced.length };
    board.publish(pieces.reduced(item, all), vectorSource(replica.reduced, format));
    const update: UpdateResult = {
      digest: answer.digest,
      status: answer.status,
      statistics: bytesOf(answer.statistics).slice(),
      gradientNorm: answer.gradientNorm,
      penalty: answer.penalty,
      gradientSquares: [...answer.gradientSquares],
    };
    return { update };
  }

  #offer(item: number): void {
    const { board, planned } = this.#place;
    this.#item = item;
    board.publish(pieces.state(item), compoundSource(stateParts(planned.replica.state)));
  }
}
