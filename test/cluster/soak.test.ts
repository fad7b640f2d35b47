import { expect, test } from 'vitest';
import { soak } from '../soak/soak.ts';

// F38: a few seconds of everything at once; `npm run soak -- --minutes 60` for longer.

test.each(['coordinator', 'workers'] as const)(
  'placement %s: a random mixture of all faults changes no bit',
  async (placement) => {
    const report = await soak({ seconds: 4, seed: Number(process.env.CHAOS_SEED ?? 3), placement });
    console.log(JSON.stringify(report));
    expect(report.same).toBe(true);
    expect(report.steps).toBeGreaterThan(0);
  },
);
