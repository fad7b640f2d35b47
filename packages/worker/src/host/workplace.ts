import type { Compression } from '../compress/compressor.ts';
import { parseCompression } from '../compress/parse-compression.ts';
import type { Board } from '../exchange/board.ts';
import type { Sink } from '../exchange/sink.ts';
import type { VectorFormat } from '../exchange/vector-format.ts';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import { Reduce, type Welcome } from '../gen/lockstep/v1/training_pb.ts';
import type { Reduction } from '../memory/rounding.ts';
import type { PiecesOfOthers } from './pieces-of-others.ts';
import type { PlannedJob } from './planned-job.ts';
import { formatOf } from './reduction.ts';

/** What all tasks of a worker work with: the run it is in, the job that is planned, its board, and the ways to others. */
export class Workplace {
  /** What is put up for others. A new one for each run. */
  board: Board;
  welcome: Welcome | undefined;
  job: PlannedJob | undefined;
  readonly others: PiecesOfOthers;
  readonly coordinator: string;
  /** Whether the replica is the coordinator's own, in the same process. */
  readonly shares: boolean;

  constructor(board: Board, others: PiecesOfOthers, coordinator: string, shares: boolean) {
    this.board = board;
    this.others = others;
    this.coordinator = coordinator;
    this.shares = shares;
  }

  get planned(): PlannedJob {
    if (!this.job) throw new Error('there is no job yet');
    return this.job;
  }

  get reduce(): Reduction {
    return this.welcome?.reduce === Reduce.BF16 ? 'bf16' : 'f32';
  }

  /** How sums of gradients travel. */
  get format(): VectorFormat {
    return formatOf(this.reduce, this.planned.spec);
  }

  get compression(): Compression {
    return parseCompression(this.welcome?.compression || 'none');
  }

  /** @param address empty = the coordinator's */
  pull(address: string, term: number, signal: AbortSignal): (piece: Piece, sink: Sink) => Promise<void> {
    const { run = '', member = 0 } = this.welcome ?? {};
    return (piece, sink) => this.others.pull(address, { run, term, member }, piece, sink, signal);
  }

  /** From the coordinator, under the term that is known here. */
  fetcher(signal: AbortSignal): (piece: Piece, sink: Sink) => Promise<void> {
    return this.pull('', this.board.term, signal);
  }
}
