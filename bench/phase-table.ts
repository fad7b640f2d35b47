import { phaseTimes, train } from '@lockstep/coordinator';
import type { Work } from './works.ts';

/** Where a step's time goes, by the built-in profiler, on one thread. */
export async function phaseTable(works: readonly Work[]): Promise<string[]> {
  const rows: string[] = [];
  let head: string[] = [];
  for (const { id, job } of works) {
    if (!job) continue;
    const { profiles, model } = await train(job, { threads: 1, steps: 15, profile: true }).done;
    await model.close();
    const times = Object.entries(phaseTimes(profiles));
    head = ['', ...times.map(([phase]) => phase), 'all'];
    const all = times.reduce((sum, [, ms]) => sum + ms, 0);
    rows.push(`| ${[id, ...times.map(([, ms]) => ms.toFixed(2)), all.toFixed(2)].join(' | ')} |`);
  }
  if (rows.length === 0) return [];
  return [
    '',
    'Milliseconds of a step by phase, one thread:',
    '',
    `| ${head.join(' | ')} |`,
    `| ${head.map(() => '---').join(' | ')} |`,
    ...rows,
  ];
}
