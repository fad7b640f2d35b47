import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The jobs whose bits everything is compared by, 30 steps each. */
export const jobs = {
  gpt: path('../../examples/char-gpt.ts'),
  mlp: path('../../examples/mlp-spirals.ts'),
  mixed: path('./mixed-job.ts'),
} as const;
export type JobName = keyof typeof jobs;

export const steps = 30;

/** Checked in; a change of bits shows here first, and needs a new numerics version. */
export const golden = JSON.parse(readFileSync(path('../golden.json'), 'utf8')) as Record<JobName, string>;
