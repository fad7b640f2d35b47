import {
  deriveKey,
  type JobSpec,
  Permutation,
  parameterDigest,
  roundBf16,
  type TracedJob,
} from '@lockstep/core/internal';
import {
  type Computed,
  compiledKernels,
  foldTree,
  type NodeResult,
  type Reduction,
  Replica,
  type ReplicaOptions,
  roundedElements,
  type SlotAnswer,
  shardsOf,
  type TreeNode,
} from '@lockstep/worker';

export type Batches = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

/** Several replicas in one process, and what a cluster does with them: shares out, folds by the tree, updates everywhere. */
export class ReplicaSet implements AsyncDisposable {
  readonly replicas: readonly Replica[];
  /** Slices that were final before all was computed. */
  early = 0;
  readonly #traced: TracedJob;
  readonly #rounded: number;

  private constructor(traced: TracedJob, replicas: readonly Replica[], reduce: Reduction) {
    this.#traced = traced;
    this.#rounded = roundedElements(traced.spec, reduce);
    this.replicas = replicas;
  }

  /** @param threads of each replica */
  static async start(traced: TracedJob, threads: readonly number[], options: Partial<ReplicaOptions> = {}) {
    const kernels = await compiledKernels(true);
    const { spec, initialParameters: parameters } = traced;
    const replicas = await Promise.all(
      threads.map((count) => Replica.start({ spec, kernels, threads: count, limitBytes: 2 ** 31, ...options })),
    );
    const state = { step: 0, parameters, optimizer: {}, counters: {} };
    await Promise.all(replicas.map((replica) => replica.load(state)));
    return new ReplicaSet(traced, replicas, options.reduce ?? 'f32');
  }

  /** All phases of step `step`; the shares say who computes what. @returns the answers of the phases; digests are the same from all replicas */
  async step(step: number, shares: readonly (readonly TreeNode[])[]): Promise<SlotAnswer[]> {
    const { spec, host } = this.#traced;
    const indices = trainBatch(spec, step);
    const { learningRates, scalars } = await host.stepValues(step, []);
    const outcomes: SlotAnswer[] = [];
    for (const [phase, { every }] of spec.phases.entries()) {
      if (step % every !== 0) continue;
      const results = await this.#compute(indices, 'train', shares, (ranges) => ({
        ...{ kind: 'train', step, phase, samples: indices.length, ranges, scalars },
      }));
      const nodes = results.flatMap(({ nodes }) => nodes);
      const root = foldNodes(nodes, spec.batch.shards, this.#rounded);
      const answers = await Promise.all(
        this.replicas.map((replica) => {
          replica.reduced.set(root);
          return replica.update({ phase, learningRates });
        }),
      );
      if (new Set(answers.map(({ digest }) => digest)).size > 1) throw new Error(`step ${step}: digests differ`);
      outcomes.push(answers.at(-1) as SlotAnswer);
    }
    return outcomes;
  }

  async #compute(
    indices: readonly number[],
    split: 'train' | 'test',
    shares: readonly (readonly TreeNode[])[],
    request: (ranges: readonly TreeNode[]) => Parameters<Replica['compute']>[0],
  ): Promise<Extract<Computed, { status: 'computed' }>[]> {
    const results = await Promise.all(
      this.replicas.map(async (replica, i) => {
        await this.#traced.host.fill(split, indices, replica.inputs(indices.length));
        const early: { at: Float32Array; was: Float32Array }[] = [];
        const computed = await replica.compute(request(shares[i] ?? []), ({ nodes, slices }) => {
          for (const { values } of nodes) {
            for (const { from, to } of slices) {
              const at = values.subarray(from, to);
              early.push({ at, was: at.slice() });
            }
          }
        });
        this.early += early.length;
        for (const { at, was } of early) {
          if (Buffer.compare(Buffer.from(at.slice().buffer), Buffer.from(was.buffer)) !== 0)
            throw new Error('told too early');
        }
        return computed;
      }),
    );
    return results.map((result) => {
      if (result.status !== 'computed') throw new Error(`index out of range in node ${result.found.node}`);
      return result;
    });
  }

  /** The whole test split: means of the metrics, and what is gathered, batch by batch in sample order. */
  async evaluate(shares: readonly (readonly TreeNode[])[]) {
    const { spec, host } = this.#traced;
    const { scalars } = await host.stepValues(spec.steps, []);
    const sums = new Float64Array(spec.evaluate.statistics.length);
    const outputs: Record<string, number[]> = {};
    for (let first = 0; first < spec.testLength; first += spec.batch.size) {
      const samples = Math.min(spec.batch.size, spec.testLength - first);
      const indices = Array.from({ length: samples }, (_, i) => first + i);
      const results = await this.#compute(indices, 'test', shares, (ranges) => ({
        ...{ kind: 'evaluate', samples, ranges, scalars, firstSample: first },
      }));
      foldNodes(
        results.flatMap(({ nodes }) => nodes),
        spec.batch.shards,
      ).forEach((value, i) => {
        sums[i] = (sums[i] as number) + value;
      });
      const starts = shardsOf(samples, spec.batch.shards);
      for (const { name, shape } of spec.gathered) {
        const size = shape.reduce((n, d) => n * d, 1);
        const gathered = Array<number>(samples * size).fill(Number.NaN);
        results.forEach(({ outputs }, i) => {
          for (const { lo, hi } of shares[i] ?? []) {
            const [from, to] = [(starts[lo]?.from ?? 0) * size, (starts[hi - 1]?.to ?? 0) * size];
            for (let at = from; at < to; at++) gathered[at] = outputs[name]?.[at] as number;
          }
        });
        outputs[name] = [...(outputs[name] ?? []), ...gathered];
      }
    }
    const metrics = spec.evaluateMetrics.map((name, i) => [
      name,
      (sums[2 * i] as number) / (sums[2 * i + 1] as number),
    ]);
    return { metrics: Object.fromEntries(metrics) as Record<string, number>, outputs };
  }

  digest(): string {
    return parameterDigest(this.#traced.spec.layout, (this.replicas[0] as Replica).state.parameters.slice());
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(this.replicas.map((replica) => replica.close()));
  }
}

/** The root of the tree, from nodes in any order; the first `rounded` elements are bfloat16. */
export function foldNodes(nodes: readonly NodeResult[], shards: number, rounded = 0): Float32Array {
  const arrived = new Map(nodes.map(({ lo, hi, values }) => [`${lo}-${hi}`, values]));
  const root = foldTree<Float32Array>(
    { lo: 0, hi: shards },
    ({ lo, hi }) => arrived.get(`${lo}-${hi}`) ?? (hi - lo === 1 ? null : undefined),
    (left, right) => {
      const sum = left.map((x, i) => Math.fround(x + (right[i] as number)));
      roundBf16(sum.subarray(0, rounded));
      return sum;
    },
  );
  return root as Float32Array;
}

/** The shards of which it is true, as ranges. */
export function rangesOf(wanted: readonly boolean[]): TreeNode[] {
  const ranges: { lo: number; hi: number }[] = [];
  wanted.forEach((is, shard) => {
    const last = ranges.at(-1);
    if (is && last?.hi === shard) last.hi++;
    else if (is) ranges.push({ lo: shard, hi: shard + 1 });
  });
  return ranges;
}

export function trainBatch(spec: JobSpec, step: number): number[] {
  const perEpoch = Math.ceil(spec.trainLength / spec.batch.size);
  const first = (step % perEpoch) * spec.batch.size;
  const order = new Permutation(spec.trainLength, deriveKey(spec.seed, 'shuffle', Math.floor(step / perEpoch)));
  const count = Math.min(spec.batch.size, spec.trainLength - first);
  return Array.from({ length: count }, (_, i) => order.at(first + i));
}
