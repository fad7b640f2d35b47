import { type JobSpec, type Plan, type Program, planProgram } from '@lockstep/core/internal';
import type { WorkItem } from '../sharding/thread-work.ts';
import type { WorkPlan } from '../sharding/work.ts';
import type { WorkSizes } from './places.ts';

/** Of one Program: shares of a cluster change with its speeds, and a plan of a large model takes a megabyte. */
const mostPlans = 64;

export type WorkRun = Extract<WorkItem, { kind: 'run' }>;

/** Plans are a matter of segments alone, so threads and batches of one size share them. */
export class PlanCache {
  readonly #layout: JobSpec['layout'];
  readonly #plans = new Map<Program, Map<string, Plan>>();

  constructor({ layout }: Pick<JobSpec, 'layout'>) {
    this.#layout = layout;
  }

  plan(program: Program, { segments, groups }: Pick<WorkRun, 'segments' | 'groups'>): Plan {
    const plans = this.#plans.get(program) ?? new Map<string, Plan>();
    this.#plans.set(program, plans);
    const key = `${segments.join()} ${groups.join()}`;
    const known = plans.get(key);
    if (known) return known;
    if (plans.size >= mostPlans) plans.clear();
    const plan = planProgram({ program, layout: this.#layout, segments, groups });
    plans.set(key, plan);
    return plan;
  }

  /** What a thread needs for its part of a plan of work. */
  sizes(program: Program, work: WorkPlan, thread: number): WorkSizes {
    const { items = [], buffers = 0 } = work.threads[thread] ?? {};
    const plans = items.flatMap((item) => (item.kind === 'run' ? [this.plan(program, item)] : []));
    return {
      arenaBytes: Math.max(0, ...plans.map(({ arenaBytes }) => arenaBytes)),
      scratchBytes: Math.max(0, ...plans.map(({ scratchBytes }) => scratchBytes)),
      buffers,
    };
  }
}

/** Enough for either. */
export const largerSizes = (a: WorkSizes, b: WorkSizes): WorkSizes => ({
  arenaBytes: Math.max(a.arenaBytes, b.arenaBytes),
  scratchBytes: Math.max(a.scratchBytes, b.scratchBytes),
  buffers: Math.max(a.buffers, b.buffers),
});

export const noSizes: WorkSizes = { arenaBytes: 0, scratchBytes: 0, buffers: 0 };
