import type { JobSpec } from '@lockstep/core/internal';
import { chunkBytes } from '../exchange/chunks.ts';
import { bytesSource, vectorSource } from '../exchange/piece-source.ts';
import { pieces } from '../exchange/pieces.ts';
import { bytesOf, f32Format, vectorBytes } from '../exchange/vector-format.ts';
import { Encoding } from '../gen/lockstep/v1/exchange_pb.ts';
import { type Work, WorkKind } from '../gen/lockstep/v1/training_pb.ts';
import type { ComputedNode, WorkerAnswer } from '../member/effects.ts';
import { describeBadIndex } from '../memory/describe-bad-index.ts';
import { encodeBatch } from '../protocol/batch.ts';
import type { NodeResult } from '../replica/replica.ts';
import { shardsOf } from '../sharding/shards.ts';
import type { TreeNode } from '../sharding/tree.ts';
import type { BatchInputs, WantedBatch } from './batch-inputs.ts';
import { EarlyNodes } from './early-nodes.ts';
import { JobFault } from './job-fault.ts';
import type { Offers } from './offers.ts';
import { OutgoingSums } from './outgoing-sums.ts';
import { nodesOf } from './reduction.ts';
import { indicesOf, rowsOf } from './rows.ts';
import type { Workplace } from './workplace.ts';

/** Shorter sums of evaluations travel inside `Computed`. In bytes. */
export const inlineBytes = 4096;

/** Sums that take fewer bytes leave when all is computed: telling of their parts costs more than it hides. Measured with bench/cluster.ts. */
const earlyBytes = 2 * chunkBytes;

/** Shards of a training step or an evaluation: samples in, sums onto the board. */
export class ComputeTask {
  readonly #place: Workplace;
  readonly #inputs: BatchInputs;
  readonly #offers: Offers;
  /** What compression left out is of one incarnation: another one goes on from another state. */
  #outgoing: OutgoingSums | undefined;
  /** The item whose nodes lie in the replica, and where. */
  #nodes: { item: number; results: readonly NodeResult[] } = { item: 0, results: [] };

  constructor(place: Workplace, inputs: BatchInputs, offers: Offers) {
    this.#place = place;
    this.#inputs = inputs;
    this.#offers = offers;
  }

  forget(): void {
    this.#outgoing = undefined;
    this.#nodes = { item: 0, results: [] };
  }

  async run(work: Work, ranges: readonly TreeNode[], signal: AbortSignal): Promise<WorkerAnswer> {
    const { planned: job, format: sums } = this.#place;
    const { spec, replica } = job;
    const { item, step, phase, samples, firstSample } = work;
    const test = work.kind === WorkKind.EVALUATE;
    const indices = indicesOf(work, ranges, spec);
    const wanted: WantedBatch = { item, step, test, samples, ranges, indices };
    await this.#inputs.fill(job, wanted, replica.inputs(samples), this.#place.fetcher(signal));
    this.#keepNodes(item);
    const request = { samples, ranges, scalars: work.scalars };
    // Others pull their slices of it while the backward pass goes on.
    const early = new EarlyNodes((node, values) =>
      this.#offers.add(pieces.node(item, node), vectorSource(values, sums), 0),
    );
    const large = vectorBytes(sums, 0, spec.layout.length) > earlyBytes;
    const computed = await replica.compute(
      test ? { kind: 'evaluate', firstSample, ...request } : { kind: 'train', step, phase, ...request },
      work.shares.length > 1 && !test && large ? early.settle : undefined,
    );
    if (computed.status === 'badIndex') {
      const program = test ? spec.evaluate : (spec.phases[phase] as JobSpec['phases'][number]).program;
      const named: number[] = [];
      rowsOf(ranges, samples, spec.batch.shards).forEach((row, i) => {
        named[row] = indices[i] ?? row;
      });
      throw new JobFault(describeBadIndex(program, computed.found, named, test ? 'test' : 'train'));
    }
    this.#nodes = { item, results: computed.nodes };
    this.#outgoing ??= new OutgoingSums(this.#place.compression, spec);
    const sourceOf = (values: Float32Array) =>
      test ? vectorSource(values, f32Format) : (this.#outgoing as OutgoingSums).source(values, sums);
    const outputs = test && spec.gathered.length > 0;
    const nodes = computed.nodes.map(({ lo, hi, values }): ComputedNode => {
      const node = { lo, hi, ...(outputs && { outputs }) };
      if (values.byteLength <= inlineBytes && test) return { ...node, values: bytesOf(values).slice() };
      if (!early.finish({ lo, hi })) this.#offers.add(pieces.node(item, { lo, hi }), sourceOf(values));
      return node;
    });
    if (outputs) this.#offerOutputs(work, ranges, spec, computed.outputs);
    return { nodes, computeMs: computed.computeMs };
  }

  /** The next order overwrites sums of the same item that others may still want. */
  #keepNodes(item: number): void {
    if (this.#nodes.item !== item) return;
    for (const { lo, hi, values } of this.#nodes.results)
      this.#offers.add(pieces.node(item, { lo, hi }), vectorSource(values.slice(), this.#place.format));
  }

  #offerOutputs(
    { item, samples }: Work,
    ranges: readonly TreeNode[],
    { batch, gathered }: JobSpec,
    outputs: Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>,
  ): void {
    const shards = shardsOf(samples, batch.shards);
    for (const node of nodesOf(ranges, samples, batch.shards)) {
      const [from, to] = [shards[node.lo]?.from ?? 0, shards[node.hi - 1]?.to ?? 0];
      const rows = Object.fromEntries(
        gathered.map(({ name, shape }) => {
          const size = shape.reduce((n, d) => n * d, 1);
          return [name, (outputs[name] as Float32Array).slice(from * size, to * size)];
        }),
      );
      const bytes = encodeBatch(gathered, to - from, rows);
      this.#offers.add(pieces.outputs(item, node), bytesSource(bytes, Encoding.MSGPACK));
    }
  }
}
