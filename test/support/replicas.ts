import { deriveKey, type JobSpec, parameterDigest, permutationIndex, type TracedJob } from '@lockstep/core/internal';
import {
  compiledKernels,
  foldTree,
  type NodeResult,
  Replica,
  type ReplicaOptions,
  type TreeNode,
} from '@lockstep/worker';

export type Batches = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

/** Several replicas in one process, and what a cluster does with them: shares out, folds by the tree, updates everywhere. */
export class ReplicaSet implements AsyncDisposable {
  readonly replicas: readonly Replica[];
  readonly #traced: TracedJob;

  private constructor(traced: TracedJob, replicas: readonly Replica[]) {
    this.#traced = traced;
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
    return new ReplicaSet(traced, replicas);
  }

  /** All phases of step `step`; the shares say who computes what. @returns the digests of the phases, the same from all replicas */
  async step(step: number, shares: readonly (readonly TreeNode[])[]): Promise<string[]> {
    const { spec, host } = this.#traced;
    const indices = trainBatch(spec, step);
    const { learningRates, scalars } = await host.stepValues(step, []);
    const digests: string[] = [];
    for (const [phase, { every }] of spec.phases.entries()) {
      if (step % every !== 0) continue;
      const nodes = await this.#compute(indices, 'train', shares, (ranges) => ({
        ...{ kind: 'train', step, phase, samples: indices.length, ranges, scalars },
      }));
      const root = foldNodes(nodes, spec.batch.shards);
      const answers = await Promise.all(
        this.replicas.map((replica) => {
          replica.reduced.set(root);
          return replica.update({ phase, learningRates });
        }),
      );
      if (new Set(answers.map(({ digest }) => digest)).size > 1) throw new Error(`step ${step}: digests differ`);
      digests.push((answers[0] as { digest: string }).digest);
    }
    return digests;
  }

  async #compute(
    indices: readonly number[],
    split: 'train' | 'test',
    shares: readonly (readonly TreeNode[])[],
    request: (ranges: readonly TreeNode[]) => Parameters<Replica['compute']>[0],
  ): Promise<NodeResult[]> {
    const results = await Promise.all(
      this.replicas.map(async (replica, i) => {
        await this.#traced.host.fill(split, indices, replica.inputs(indices.length));
        return replica.compute(request(shares[i] ?? []));
      }),
    );
    return results.flatMap((result) => {
      if (result.status !== 'computed') throw new Error(`index out of range in node ${result.found.node}`);
      return result.nodes;
    });
  }

  digest(): string {
    return parameterDigest(this.#traced.spec.layout, (this.replicas[0] as Replica).state.parameters.slice());
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(this.replicas.map((replica) => replica.close()));
  }
}

/** The root of the tree, from nodes in any order. */
export function foldNodes(nodes: readonly NodeResult[], shards: number): Float32Array {
  const arrived = new Map(nodes.map(({ lo, hi, values }) => [`${lo}-${hi}`, values]));
  const root = foldTree<Float32Array>(
    { lo: 0, hi: shards },
    ({ lo, hi }) => arrived.get(`${lo}-${hi}`) ?? (hi - lo === 1 ? null : undefined),
    (left, right) => left.map((x, i) => Math.fround(x + (right[i] as number))),
  );
  return root as Float32Array;
}

export function trainBatch(spec: JobSpec, step: number): number[] {
  const perEpoch = Math.ceil(spec.trainLength / spec.batch.size);
  const first = (step % perEpoch) * spec.batch.size;
  const key = deriveKey(spec.seed, 'shuffle', Math.floor(step / perEpoch));
  const count = Math.min(spec.batch.size, spec.trainLength - first);
  return Array.from({ length: count }, (_, i) => permutationIndex(spec.trainLength, key, first + i));
}
