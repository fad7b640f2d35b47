import type { JobSpec } from '@lockstep/core/internal';
import type { Work } from '../gen/lockstep/v1/training_pb.ts';
import { freshState } from '../memory/fresh-state.ts';
import type { FieldView } from '../memory/slot-view.ts';
import type { Computed, NodeResult, Replica } from '../replica/replica.ts';
import { type Add, addF32 } from '../sharding/aggregator.ts';
import { replicaShards } from '../sharding/replica-shards.ts';
import { foldTree, maximalSubtrees, type TreeNode } from '../sharding/tree.ts';

export interface LocalRoundParts {
  readonly spec: JobSpec;
  readonly replica: Replica;
  readonly work: Work;
  /** Replicas to compute. */
  readonly ranges: readonly TreeNode[];
  /** How gradients of shards are joined within a replica. */
  readonly add: Add;
  /** Samples of some shards of a step's batch. */
  fill(localStep: number, shards: TreeNode, into: Readonly<Record<string, FieldView>>): Promise<void>;
  /** What to say where data brought an index out of range. */
  badIndex(computed: Extract<Computed, { status: 'badIndex' }>, phase: number): Error;
}

/**
 * Local training (Stich 2019; Douillard et al. 2023, "DiLoCo"): each replica takes steps of its own from the common parameters, with an optimizer
 * that begins anew; its result is how far it came: start minus end, then the statistics of each update in order. A pure function of (parameters,
 * round, replica).
 *
 * @returns the result of each replica, by its number
 */
export async function localRound(
  parts: LocalRoundParts,
): Promise<{ ways: Map<number, Float32Array>; computeMs: number }> {
  const { ranges, replica } = parts;
  const start = replica.state.parameters.slice();
  const ways = new Map<number, Float32Array>();
  let computeMs = 0;
  for (const { lo, hi } of ranges) {
    for (let number = lo; number < hi; number++) {
      const way = await runReplica(parts, number, start);
      ways.set(number, way.result);
      computeMs += way.computeMs;
    }
  }
  await replica.load(freshState(start));
  return { ways, computeMs };
}

/** Nodes of some replicas' ranges in the tree over all of them. */
export const wayNodes = (ranges: readonly TreeNode[], replicas: number): TreeNode[] =>
  ranges.flatMap(({ lo, hi }) => maximalSubtrees({ lo: 0, hi: replicas }, lo, hi));

/** The sum over a node. Changes the ways. */
export function foldWays(node: TreeNode, ways: ReadonlyMap<number, Float32Array>): Float32Array {
  return foldTree<Float32Array>(
    node,
    (leaf) => (leaf.hi - leaf.lo === 1 ? (ways.get(leaf.lo) as Float32Array) : undefined),
    (left, right) => {
      addF32(left, right);
      return left;
    },
  ) as Float32Array;
}

/** Updates of a round in order: step after step, the phases that are due. */
export function localUpdates({ phases }: Pick<JobSpec, 'phases'>, step: number, steps: number) {
  return Array.from({ length: steps }, (_, localStep) => localStep).flatMap((localStep) =>
    [...phases.keys()]
      .filter((phase) => (step + localStep) % (phases[phase]?.every ?? 1) === 0)
      .map((phase) => ({ localStep, phase })),
  );
}

async function runReplica(
  { spec, replica, work, add, fill, badIndex }: LocalRoundParts,
  number: number,
  start: Float32Array,
): Promise<{ result: Float32Array; computeMs: number }> {
  const { shards } = spec.batch;
  const { length } = spec.layout;
  const own = replicaShards(number, work.replicas, shards);
  const updates = localUpdates(spec, work.step, work.localSteps);
  const counts = updates.map(({ phase }) => spec.phases[phase]?.program.statistics.length ?? 0);
  const result = new Float32Array(length + counts.reduce((a, b) => a + b, 0));
  const groups = work.learningRates.length / work.localSteps;
  const scalars = work.scalars.length / work.localSteps;
  let at = length;
  let computeMs = 0;
  await replica.load(freshState(start));
  for (const [i, { localStep, phase }] of updates.entries()) {
    const step = work.step + localStep;
    const samples = work.stepSamples[localStep] as number;
    await fill(localStep, own, replica.inputs(samples));
    const values = work.scalars.slice(localStep * scalars, (localStep + 1) * scalars);
    const computed = await replica.compute({ kind: 'train', step, phase, samples, ranges: [own], scalars: values });
    if (computed.status === 'badIndex') throw badIndex(computed, phase);
    computeMs += computed.computeMs;
    const count = counts[i] as number;
    const sum = joined(computed.nodes, add);
    // A batch so small that this replica has none of it.
    if (sum) {
      replica.reduced.set(sum);
      result.set(sum.subarray(length, length + count), at);
      const learningRates = work.learningRates.slice(localStep * groups, (localStep + 1) * groups);
      await replica.update({ phase, learningRates });
    }
    at += count;
  }
  const { parameters } = replica.state;
  for (let i = 0; i < length; i++) result[i] = (start[i] as number) - (parameters[i] as number);
  return { result, computeMs };
}

/** The sum over a replica's own shards: its maximal sub-trees of the batch's tree, from left to right. */
function joined(nodes: readonly NodeResult[], add: Add): Float32Array | undefined {
  const [first, ...rest] = nodes;
  if (!first) return undefined;
  const sum = first.values.slice();
  for (const { values } of rest) add(sum, values);
  return sum;
}
