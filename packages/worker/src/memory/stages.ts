import type { JobSpec, Plan } from '@lockstep/core/internal';
import type { Slice } from './block-slices.ts';

/** A part of a backward pass, and what of the result vectors is final with it. */
export interface Stage {
  /** Parameters (and buffers) that are final with it; of the last stage all others. */
  readonly parameters: readonly string[];
  readonly slices: readonly Slice[];
}

/** Of the words `ThreadScript.stages`: a cache line behind the counters. */
export const stagesDoneWord = 16;

/** More of them would be told more often, and cost more. */
export const mostStages = 8;

/** Everything at once. */
export const oneStage = (length: number): Stage[] => [{ parameters: [], slices: [{ from: 0, to: length }] }];

/**
 * Cuts a backward pass so that parts of the gradient can leave while the rest is computed: in the order in which the plan is done with
 * parameters, about equal in elements. What never is alone, statistics for one, belongs to the last stage.
 *
 * @param length elements of a result vector
 * @param least elements of a stage; a smaller gradient is one stage
 */
export function planStages(
  { entries, trained }: JobSpec['layout'],
  plan: Plan,
  length: number,
  least: number,
): Stage[] {
  const wanted = Math.max(least, Math.ceil(trained / mostStages));
  const inOrder = entries
    .filter(({ name, offset }) => offset < trained && plan.finalAfter.has(name))
    .sort((a, b) => (plan.finalAfter.get(a.name) as number) - (plan.finalAfter.get(b.name) as number));
  const stages: Stage[] = [];
  let open: typeof inOrder = [];
  let elements = 0;
  for (const entry of inOrder) {
    open.push(entry);
    elements += entry.size;
    if (elements < wanted || stages.length === mostStages - 1) continue;
    stages.push({ parameters: open.map(({ name }) => name), slices: joined(open) });
    [open, elements] = [[], 0];
  }
  // The last parameter alone would leave a stage of nothing but statistics.
  if (open.length === 0) stages.pop();
  return [
    ...stages,
    {
      parameters: [],
      slices: rest(
        stages.flatMap(({ slices }) => slices),
        length,
      ),
    },
  ];
}

/** Entries with the gaps behind them, neighbours as one. */
function joined(entries: readonly { readonly offset: number; readonly size: number }[]): Slice[] {
  const slices: { from: number; to: number }[] = [];
  for (const { offset, size } of entries.toSorted((a, b) => a.offset - b.offset)) {
    const to = Math.ceil((offset + size) / 16) * 16;
    const last = slices.at(-1);
    if (last?.to === offset) last.to = to;
    else slices.push({ from: offset, to });
  }
  return slices;
}

/** What is left of elements 0 to `length`. */
function rest(taken: readonly Slice[], length: number): Slice[] {
  const slices: Slice[] = [];
  let at = 0;
  for (const { from, to } of taken.toSorted((a, b) => a.from - b.from)) {
    if (at < from) slices.push({ from: at, to: from });
    at = to;
  }
  if (at < length) slices.push({ from: at, to: length });
  return slices;
}

/** The steps of a plan (of any shards of the same Program) that a stage ends with. */
export function stageEnds(stages: readonly Stage[], plan: Plan): number[] {
  let end = 0;
  return stages.map(({ parameters }, k) => {
    if (k === stages.length - 1) return plan.steps;
    for (const name of parameters) end = Math.max(end, (plan.finalAfter.get(name) ?? plan.steps - 1) + 1);
    return end;
  });
}
