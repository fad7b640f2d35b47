import type { Member } from '../membership/member.ts';
import { paceKind } from './batch.ts';
import type { ItemSpec } from './effects.ts';
import type { RoundContext } from './round.ts';

/** Nobody is a straggler for less, in milliseconds: below it is jitter, and a copy would cost more than it saves. */
export const leastStragglingMs = 100;

/** Later than twice the expected time. */
export const lateFactor = 2;

/** Takes down a compute time, and says so where it was far above what was to be expected. */
export function recordTime(context: RoundContext, spec: ItemSpec, member: Member, samples: number, computeMs: number) {
  const kind = paceKind(spec);
  const expectedMs = context.pace.expectedMs(kind, member, samples, context.able());
  context.pace.record(kind, member, samples, computeMs);
  if (expectedMs === undefined || computeMs < lateFactor * expectedMs || computeMs < leastStragglingMs) return;
  const { id: worker, name } = member;
  context.act({
    kind: 'event',
    event: { type: 'straggler', worker, name, step: spec.step + 1, computeMs, expectedMs },
  });
}
