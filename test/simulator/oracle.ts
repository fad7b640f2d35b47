import { agendaFrom, type Job } from './agenda.ts';
import { digestOf, initialState, nodeResult, update } from './toy.ts';

/** The journal of the undisturbed run on one machine. */
export function expectedJournal(job: Job): string[] {
  const state = initialState();
  const lines: string[] = [];
  for (const entry of agendaFrom(job, 0)) {
    if (entry.kind === 'snapshot') continue;
    const sum = nodeResult(state.parameters, entry, job.shards, 0, job.shards) as Float32Array;
    if (entry.kind === 'evaluate') lines.push(`eval ${entry.step} ${digestOf(sum)}`);
    else {
      update(state, sum, entry);
      lines.push(`${entry.step + 1}.${entry.phase} ${digestOf(state.parameters)}`);
    }
  }
  return lines;
}
