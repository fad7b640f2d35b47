import { crc32 } from 'node:zlib';
import { type JobSpec, LockstepError } from '@lockstep/core/internal';
import {
  Aggregator,
  adder,
  BufferSink,
  bytesOf,
  type Desk,
  decodeBatch,
  type FieldArrays,
  f32Format,
  formatOf,
  inlineBytes,
  type PiecesOfOthers,
  pieces,
  type Reduction,
  shardsOf,
  type TreeNode,
} from '@lockstep/worker';
import { Encoding } from '@lockstep/worker/messages';
import type { ClusterEffect, ItemSpec } from '../sharding/effects.ts';
import { type IntakeOf, plainIntake } from './intake.ts';

type Collect = Extract<ClusterEffect, { kind: 'collect' }>;

export interface CollectorParts {
  readonly spec: JobSpec;
  readonly item: ItemSpec;
  readonly reduce: Reduction;
  /** How sums come in; default: as they are. */
  readonly intake?: IntakeOf;
  readonly others: PiecesOfOthers;
  /** Of the tree; default: the shards of the job. */
  readonly leaves?: number;
}

/** All bytes of a node have come as they were sent, and are no sum. */
export class SpoiltSums extends LockstepError {
  override readonly code = 'SPOILT_SUMS';
}

/** @throws SpoiltSums where it cannot be done */
function readable(decode: () => void): void {
  try {
    decode();
  } catch (error) {
    throw new SpoiltSums((error as Error).message, { cause: error });
  }
}

const outputEnvelopeBytes = 64 * 1024;

/** Fetches the sums of one item's nodes, and adds them up by the tree as they come. */
export class NodeCollector {
  readonly #spec: JobSpec;
  readonly #item: ItemSpec;
  readonly #intake: IntakeOf;
  readonly #others: PiecesOfOthers;
  readonly #sums: Aggregator;
  readonly #stop = new AbortController();
  readonly #gathered: FieldArrays;
  /** Outputs that members will push, by member and node. */
  readonly #pushed = new Map<string, Promise<void>>();

  constructor({ spec, item, reduce, others, leaves = spec.batch.shards, intake }: CollectorParts) {
    this.#spec = spec;
    this.#item = item;
    this.#intake = intake ?? plainIntake(item.kind === 'train' ? formatOf(reduce, spec) : f32Format);
    this.#others = others;
    const add = item.kind === 'train' ? adder(reduce, spec, 0) : adder('f32', spec, 0);
    this.#sums = new Aggregator(leaves, item.kind === 'local' ? leaves : item.samples, add);
    this.#gathered = Object.fromEntries(
      (item.kind === 'evaluate' ? spec.gathered : []).map(({ name, dtype, shape }) => {
        const Type = dtype === 'i32' ? Int32Array : Float32Array;
        return [name, new Type(shape.reduce((n, d) => n * d, item.samples))];
      }),
    );
  }

  /** Sums over all shards. */
  get root(): Float32Array {
    const { root } = this.#sums;
    if (!root) throw new Error(`item ${this.#item.item} is not complete`);
    return root;
  }

  /** What an evaluation gathered, in sample order. */
  get gathered(): Readonly<Record<string, Float32Array | Int32Array>> {
    return this.#gathered as Readonly<Record<string, Float32Array | Int32Array>>;
  }

  /** @returns whether the same node was here with other bytes. @throws StatusError where it cannot be fetched, SpoiltSums where it is none */
  async collect(
    { address, node, item, values }: Collect,
    asker: { run: string; term: number; member: number },
  ): Promise<boolean> {
    const { signal } = this.#stop;
    const sums = new Float32Array(this.#item.resultLength);
    if (values) new Uint8Array(sums.buffer).set(values.subarray(0, sums.byteLength));
    else {
      const intake = this.#intake(sums, node);
      await this.#others.pull(address, asker, pieces.node(item, node), intake.sink, signal);
      readable(() => intake.complete());
    }
    if (Object.keys(this.#gathered).length > 0)
      await (this.#pushed.get(nameOf(asker.member, node)) ?? this.#collectOutputs(address, node, asker));
    return this.#sums.add(node, sums, contentOf(sums)) === 'different';
  }

  /** What a member will push of a node. @returns as `collect`; undefined where its sum is short, and comes in a message that is to be collected */
  expect(member: number, node: TreeNode, desk: Desk): Promise<boolean> | undefined {
    const outputs = this.#expectOutputs(member, node, desk);
    if (this.#item.kind === 'evaluate' && this.#item.resultLength * 4 <= inlineBytes) return undefined;
    return this.#expectSum(member, node, desk, outputs);
  }

  async #expectSum(member: number, node: TreeNode, desk: Desk, outputs: Promise<void>): Promise<boolean> {
    const sums = new Float32Array(this.#item.resultLength);
    const intake = this.#intake(sums, node);
    await desk.expect(member, pieces.node(this.#item.item, node), intake.sink);
    readable(() => intake.complete());
    await outputs;
    return this.#sums.add(node, sums, contentOf(sums)) === 'different';
  }

  close(): void {
    this.#stop.abort();
  }

  #expectOutputs(member: number, node: TreeNode, desk: Desk): Promise<void> {
    if (Object.keys(this.#gathered).length === 0) return Promise.resolve();
    const { sink, decode } = this.#outputsOf(node);
    const pushed = desk.expect(member, pieces.outputs(this.#item.item, node), sink).then(decode);
    // Where nobody comes to collect them they are of no use.
    pushed.catch(() => undefined);
    this.#pushed.set(nameOf(member, node), pushed);
    return pushed;
  }

  async #collectOutputs(
    address: string,
    node: TreeNode,
    asker: { run: string; term: number; member: number },
  ): Promise<void> {
    const { sink, decode } = this.#outputsOf(node);
    await this.#others.pull(address, asker, pieces.outputs(this.#item.item, node), sink, this.#stop.signal);
    decode();
  }

  /** Where the outputs of a node go. */
  #outputsOf(node: TreeNode): { sink: BufferSink; decode: () => void } {
    const shards = shardsOf(this.#item.samples, this.#spec.batch.shards);
    const [from, to] = [shards[node.lo]?.from ?? 0, shards[node.hi - 1]?.to ?? 0];
    const sizes = this.#spec.gathered.map(({ shape }) => shape.reduce((n, d) => n * d, 1));
    const rowBytes = sizes.reduce((n, size) => n + size * 4, 0);
    const sink = new BufferSink((to - from) * rowBytes + outputEnvelopeBytes, [Encoding.MSGPACK]);
    const rows = Object.fromEntries(
      this.#spec.gathered.map(({ name }, i) => {
        const size = sizes[i] as number;
        return [name, (this.#gathered[name] as Float32Array).subarray(from * size, to * size)];
      }),
    );
    return { sink, decode: () => readable(() => decodeBatch(sink.bytes, this.#spec.gathered, to - from, rows)) };
  }
}

const nameOf = (member: number, { lo, hi }: TreeNode): string => `${member} ${lo}-${hi}`;

/** Tells two results apart. It compares copies of a straggler's shards, where only accidents are looked for. */
const contentOf = (values: Float32Array): string => crc32(bytesOf(values)).toString(16);
