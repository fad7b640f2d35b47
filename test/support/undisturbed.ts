import { readFileSync, rmSync } from 'node:fs';
import { train } from '@lockstep/coordinator';
import { expect } from 'vitest';

export const journalOf = (out: string): string => readFileSync(`${out}/journal.txt`, 'utf8');

/** Digest and journal of a run that was ended after so many steps are those of one undisturbed thread, bit for bit. */
export async function expectUndisturbed(job: string, out: string, steps: number, digest: unknown): Promise<void> {
  const alone = `${out}-alone`;
  try {
    const result = await train(job, { threads: 1, stopAtStep: steps, out: alone }).done;
    await result.model.close();
    expect(digest).toBe(result.digest);
    expect(journalOf(out)).toBe(journalOf(alone));
  } finally {
    rmSync(alone, { recursive: true });
  }
}
