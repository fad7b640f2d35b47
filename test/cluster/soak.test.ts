import { expect, test } from 'vitest';
import { soak } from '../soak/soak.ts';
import { torments } from '../soak/torments.ts';

// F38: everything once, in a seeded order, a few steps apart, some of it at once; `npm run soak -- --minutes 60` for longer.

test.each(['coordinator', 'workers'] as const)(
  'placement %s: a random mixture of all faults changes no bit',
  async (placement) => {
    const happened: string[] = [];
    const seed = Number(process.env.CHAOS_SEED ?? 3);
    const report = await soak({ seed, placement, say: (text) => happened.push(text) });
    console.log(`${happened.join('\n')}\n${JSON.stringify(report)}`);
    for (const [name] of torments) expect(report.torments[name], name).toBeGreaterThanOrEqual(1);
    // The coordinator that was killed had a checkpoint.
    expect(report.resumedFrom.length).toBe(report.torments['kill of the coordinator']);
    expect(Math.min(...report.resumedFrom)).toBeGreaterThanOrEqual(10);
    expect(report.steps).toBeGreaterThan(Math.max(...report.resumedFrom));
    expect(report.same).toBe(true);
  },
);
