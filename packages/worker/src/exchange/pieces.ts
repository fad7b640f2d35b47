import { create } from '@bufbuild/protobuf';
import {
  BatchPieceSchema,
  JobPieceSchema,
  NodePieceSchema,
  OutputsPieceSchema,
  ParametersPieceSchema,
  type Piece,
  PieceSchema,
  ReducedPieceSchema,
  StatePieceSchema,
  WayPieceSchema,
} from '../gen/lockstep/v1/exchange_pb.ts';
import { RangeSchema, SliceSchema } from '../gen/lockstep/v1/training_pb.ts';

interface Shards {
  readonly lo: number;
  readonly hi: number;
}
interface Part {
  readonly from: number;
  readonly to: number;
}

const rangeOf = ({ lo, hi }: Shards) => create(RangeSchema, { lo, hi });
const sliceOf = ({ from, to }: Part) => create(SliceSchema, { from, to });

/** Names of pieces, short to write. */
export const pieces = {
  job: (): Piece => create(PieceSchema, { piece: { case: 'job', value: create(JobPieceSchema) } }),
  state: (item: number): Piece =>
    create(PieceSchema, { piece: { case: 'state', value: create(StatePieceSchema, { item }) } }),
  parameters: (item: number): Piece =>
    create(PieceSchema, { piece: { case: 'parameters', value: create(ParametersPieceSchema, { item }) } }),
  batch: (of: { item: number; step: number; test: boolean; range: Shards; localStep?: number }): Piece =>
    create(PieceSchema, {
      piece: { case: 'batch', value: create(BatchPieceSchema, { ...of, range: rangeOf(of.range) }) },
    }),
  /** Without a slice: the whole vector. */
  node: (item: number, range: Shards, slice?: Part): Piece =>
    create(PieceSchema, {
      piece: {
        case: 'node',
        value: create(NodePieceSchema, { item, range: rangeOf(range), ...(slice && { slice: sliceOf(slice) }) }),
      },
    }),
  reduced: (item: number, slice: Part): Piece =>
    create(PieceSchema, {
      piece: { case: 'reduced', value: create(ReducedPieceSchema, { item, slice: sliceOf(slice) }) },
    }),
  way: (item: number, replica: number): Piece =>
    create(PieceSchema, { piece: { case: 'way', value: create(WayPieceSchema, { item, replica }) } }),
  outputs: (item: number, range: Shards): Piece =>
    create(PieceSchema, {
      piece: { case: 'outputs', value: create(OutputsPieceSchema, { item, range: rangeOf(range) }) },
    }),
};
