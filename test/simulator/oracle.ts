import { formatLine } from '../../packages/coordinator/src/observe/journal.ts';
import { agendaFrom, type Job } from './agenda.ts';
import { phaseName } from './coordinator-node.ts';
import { digestOf, initialState, nodeResult, update } from './toy.ts';

export interface Expected {
  readonly journal: readonly string[];
  /** Digests of evaluations, by steps before them. */
  readonly evaluations: ReadonlyMap<number, string>;
  /** Shards with samples, of all items. */
  readonly shards: number;
}

/** The undisturbed run on one machine. */
export function undisturbed(job: Job): Expected {
  const state = initialState();
  const journal: string[] = [];
  const evaluations = new Map<number, string>();
  let shards = 0;
  for (const entry of agendaFrom(job, 0)) {
    if (entry.kind === 'snapshot') continue;
    shards += Math.min(job.shards, entry.samples);
    const sum = nodeResult(state.parameters, entry, job.shards, 0, job.shards) as Float32Array;
    if (entry.kind === 'evaluate') evaluations.set(entry.step, digestOf(sum));
    else {
      update(state, sum, entry);
      const digest = digestOf(state.parameters);
      const phase = phaseName(entry.phase);
      journal.push(formatLine({ step: entry.step + 1, phase, digest, loss: 0, learningRates: [], scalars: [] }));
    }
  }
  return { journal, evaluations, shards };
}
