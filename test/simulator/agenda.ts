/** What a history trains. */
export interface Job {
  readonly placement: 'coordinator' | 'workers';
  readonly shards: number;
  readonly samples: number;
  readonly steps: number;
  readonly phases: number;
  readonly evaluateEvery: number;
  readonly checkpointEvery: number;
  readonly minWorkers: number;
  readonly leaseMs: number;
  readonly carryMs: number;
}

export type AgendaEntry =
  | { readonly kind: 'train' | 'evaluate'; readonly step: number; readonly phase: number; readonly samples: number }
  | { readonly kind: 'snapshot'; readonly step: number };

/** Steps, evaluations and snapshots, from a checkpoint on. */
export function* agendaFrom(
  { steps, phases, samples, evaluateEvery, checkpointEvery }: Job,
  fromStep: number,
): Generator<AgendaEntry> {
  for (let step = fromStep; step < steps; step++) {
    for (let phase = 0; phase < phases; phase++) yield { kind: 'train', step, phase, samples };
    if ((step + 1) % evaluateEvery === 0) yield { kind: 'evaluate', step: step + 1, phase: 0, samples: samples + 3 };
    if ((step + 1) % checkpointEvery === 0 || step + 1 === steps) yield { kind: 'snapshot', step: step + 1 };
  }
}
