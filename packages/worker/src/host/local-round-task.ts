import type { JobSpec } from '@lockstep/core/internal';
import { bytesSource, vectorSource } from '../exchange/piece-source.ts';
import { pieces } from '../exchange/pieces.ts';
import type { Work } from '../gen/lockstep/v1/training_pb.ts';
import type { WorkerAnswer } from '../member/effects.ts';
import { describeBadIndex } from '../memory/describe-bad-index.ts';
import type { TreeNode } from '../sharding/tree.ts';
import type { BatchInputs } from './batch-inputs.ts';
import { JobFault } from './job-fault.ts';
import { foldWays, localRound, wayNodes } from './local-round.ts';
import type { Offers } from './offers.ts';
import { encodings } from './outgoing-sums.ts';
import { adder } from './reduction.ts';
import { WayMemory } from './way-memory.ts';
import type { Workplace } from './workplace.ts';

/** Rounds of local training: the ways of replicas are computed, and put up as sums or, compressed, one by one. */
export class LocalRoundTask {
  readonly #place: Workplace;
  readonly #inputs: BatchInputs;
  readonly #offers: Offers;
  #ways: WayMemory | undefined;

  constructor(place: Workplace, inputs: BatchInputs, offers: Offers) {
    this.#place = place;
    this.#inputs = inputs;
    this.#offers = offers;
  }

  forget(): void {
    this.#ways = undefined;
  }

  async run(work: Work, ranges: readonly TreeNode[], signal: AbortSignal): Promise<WorkerAnswer> {
    const { compression, planned, reduce } = this.#place;
    const { spec, replica } = planned;
    const { item } = work;
    const fetch = this.#place.fetcher(signal);
    const replicas = ranges.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => lo + i));
    this.#ways ??= new WayMemory(compression, spec.layout);
    const remembered = compression.kind === 'none' ? [] : await this.#ways.recall(replicas, work.waysItem, fetch);
    const { ways, computeMs } = await localRound({
      spec,
      replica,
      work,
      ranges,
      add: adder(reduce, spec, 0),
      fill: (localStep, shards, into) => {
        const samples = work.stepSamples[localStep] as number;
        const step = work.step + localStep;
        // Local steps count from 1 among pieces: 0 is no local step.
        const wanted = { item, step, test: false, samples, ranges: [shards], indices: [], localStep: localStep + 1 };
        return this.#inputs.fill(planned, wanted, into, fetch);
      },
      badIndex: ({ found }, phase) => {
        const { program } = spec.phases[phase] as JobSpec['phases'][number];
        return new JobFault(describeBadIndex(program, found, [], 'train'));
      },
    });
    if (compression.kind === 'none') {
      const nodes = wayNodes(ranges, work.replicas);
      for (const node of nodes) this.#offers.add(pieces.node(item, node), vectorSource(foldWays(node, ways)));
      return { nodes, computeMs };
    }
    // Each way by itself: what is remembered is remembered of one replica.
    const nodes = replicas.map((replica, i) => {
      const way = ways.get(replica) as Float32Array;
      const bytes = (this.#ways as WayMemory).tell(replica, item, way, remembered[i] as Float32Array);
      const node = { lo: replica, hi: replica + 1 };
      this.#offers.add(pieces.node(item, node), bytesSource(bytes, encodings[compression.kind]));
      return node;
    });
    return { nodes, computeMs };
  }
}
