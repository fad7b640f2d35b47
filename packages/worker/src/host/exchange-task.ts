import type { Board } from '../exchange/board.ts';
import { vectorSource } from '../exchange/piece-source.ts';
import { pieces } from '../exchange/pieces.ts';
import { type Sink, vectorSink } from '../exchange/sink.ts';
import type { VectorFormat } from '../exchange/vector-format.ts';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Owner, Work } from '../gen/lockstep/v1/training_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { type Add, Aggregator } from '../sharding/aggregator.ts';
import { nodesOf } from './reduction.ts';

/** Another member does not answer: the coordinator is told which. */
export class UnreachableMember extends StatusError {
  readonly member: number;

  constructor(member: number, { message }: StatusError) {
    super(status.UNAVAILABLE, message);
    this.member = member;
  }
}

export interface ExchangeParts {
  readonly work: Work;
  /** Own number. */
  readonly member: number;
  readonly shards: number;
  /** To be filled with the sum over all shards. */
  readonly reduced: Float32Array;
  readonly format: VectorFormat;
  readonly board: Pick<Board, 'has' | 'publish' | 'withdraw'>;
  /** Slices of this item that were added up here in earlier tries, and this one: they lie in `reduced`. */
  readonly added: Piece[];
  /** @param from of the vector, where the elements begin that are added */
  adderFor(from: number): Add;
  /** Room for elements of one node, the same at each item. @param index of the node among those that need it */
  room(index: number, elements: number): Float32Array;
  pull(address: string, piece: Piece, sink: Sink): Promise<void>;
}

/**
 * All-reduce among workers. As an owner: one's slice of every node is pulled, added up by the tree, and put up for the others. Then, or
 * meanwhile, the slices of all other owners are pulled. Everybody ends with the same `reduced`.
 */
export async function exchange(parts: ExchangeParts): Promise<void> {
  const { owners } = parts.work;
  await Promise.all(
    owners.map((owner) => (owner.member === parts.member ? addUp(parts, owner) : gather(parts, owner))),
  );
}

async function addUp(parts: ExchangeParts, { slice }: Owner): Promise<void> {
  const { work, shards, reduced, format, board, room, added } = parts;
  if (!slice || slice.from === slice.to) return;
  const { from, to } = slice;
  const piece = pieces.reduced(work.item, slice);
  // The sum is the same whoever computed what: where it is up since an earlier try others may be reading it, and it must not be made anew under them.
  if (board.has(piece)) return;
  for (const overwritten of added.splice(0)) board.withdraw(overwritten);
  const sums = new Aggregator(shards, work.samples, parts.adderFor(from));
  const nodes = work.shares
    .flatMap(({ member, address, ranges }) =>
      nodesOf(ranges, work.samples, shards).map((node) => ({ member, address, node })),
    )
    .sort((a, b) => a.node.lo - b.node.lo);
  await Promise.all(
    nodes.map(async ({ member, address, node }, i) => {
      // All sums of the tree end in the place of its first node.
      const values = i === 0 ? reduced.subarray(from, to) : room(i - 1, to - from);
      // The format counts elements of the whole vector.
      const sink = vectorSink(values, { rounded: Math.max(0, format.rounded - from) });
      await named(member, parts.pull(address, pieces.node(work.item, node, slice), sink));
      sums.add(node, values, '');
    }),
  );
  if (!sums.root) throw new Error(`the shares of item ${work.item} do not cover all shards`);
  board.publish(piece, vectorSource(reduced, format, from, to));
  added.push(piece);
}

async function gather(
  { work, reduced, format, pull }: ExchangeParts,
  { member, address, slice }: Owner,
): Promise<void> {
  if (!slice || slice.from === slice.to) return;
  const { from, to } = slice;
  await named(member, pull(address, pieces.reduced(work.item, slice), vectorSink(reduced, format, from, to)));
}

async function named(member: number, pulled: Promise<void>): Promise<void> {
  try {
    await pulled;
  } catch (error) {
    if (error instanceof StatusError && error.status === status.UNAVAILABLE) throw new UnreachableMember(member, error);
    throw error;
  }
}
