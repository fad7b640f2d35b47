import { incarnationTerm } from '../exchange/incarnation-term.ts';
import { pieces } from '../exchange/pieces.ts';
import { push } from '../exchange/push.ts';
import { openWhile } from '../exchange/sink.ts';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Work } from '../gen/lockstep/v1/training_pb.ts';
import type { ComputedNode, WorkerAnswer } from '../member/effects.ts';
import { exchange } from './exchange-task.ts';
import { adder } from './reduction.ts';
import type { Workplace } from './workplace.ts';

/** Connections over which pushes leave, apart from those of pulls: a push that nobody expects yet holds part of its connection's window. */
const pushChannels = 4;

/** Sums that are on the board already: pushed to a coordinator that cannot fetch them, or exchanged with other workers. */
export class SumsTasks {
  readonly #place: Workplace;
  /** Slices of sums that were added up here, of the last item. */
  #added: { readonly item: number; readonly pieces: Piece[] } = { item: 0, pieces: [] };
  /** Where slices of others' sums are put. */
  readonly #rooms: Float32Array[] = [];

  constructor(place: Workplace) {
    this.#place = place;
  }

  async push(item: number, nodes: readonly ComputedNode[], term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { others, coordinator, welcome } = this.#place;
    const channels = Array.from({ length: pushChannels }, (_, i) => others.channel(coordinator, i));
    const { run = '', member = 0 } = welcome ?? {};
    const wanted = nodes.flatMap((node) => [
      ...(node.values ? [] : [pieces.node(item, node)]),
      ...(node.outputs ? [pieces.outputs(item, node)] : []),
    ]);
    for (const piece of wanted) {
      const { board } = this.#place;
      const { publication } = await board.find(piece, board.term, signal);
      await push(channels, { run, term: incarnationTerm(term), member }, piece, publication, { signal });
    }
    return {};
  }

  async exchange(work: Work, member: number, term: number, signal: AbortSignal): Promise<WorkerAnswer> {
    const { planned, format, board, reduce } = this.#place;
    const { spec, replica } = planned;
    // What one failure leaves under way would write into the sums of a later try, or of the next item.
    let over = false;
    const rest = new AbortController();
    const all = AbortSignal.any([signal, rest.signal]);
    const wanted = () => !over && !signal.aborted;
    if (this.#added.item !== work.item) this.#added = { item: work.item, pieces: [] };
    try {
      await exchange({
        work,
        member,
        shards: spec.batch.shards,
        reduced: replica.reduced,
        format,
        board,
        added: this.#added.pieces,
        adderFor: (from) => adder(reduce, spec, from),
        room: (index, elements) => this.#roomFor(index, elements),
        pull: (address, piece, sink) => this.#place.pull(address, term, all)(piece, openWhile(wanted, sink)),
      });
    } catch (error) {
      over = true;
      rest.abort(error);
      throw error;
    }
    return {};
  }

  /** Items are numbered anew. */
  forget(): void {
    this.#added = { item: 0, pieces: [] };
  }

  /** Kept from item to item: vectors as long as a model's would be much to collect. */
  #roomFor(index: number, elements: number): Float32Array {
    const kept = this.#rooms[index];
    const room = kept && kept.length >= elements ? kept : new Float32Array(elements);
    this.#rooms[index] = room;
    return room.subarray(0, elements);
  }
}
