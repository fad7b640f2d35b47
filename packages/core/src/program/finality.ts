import type { ParameterLayout } from './layout.ts';
import type { Place, Step } from './steps.ts';

/**
 * By parameter (or buffer): the last step that touches its place in any result vector; from then on others may read and change it. Backward ends
 * with the first layers.
 */
export function finality(steps: readonly Step[], { entries }: ParameterLayout): Map<string, number> {
  const last = new Map<string, number>();
  const inOrder = entries.toSorted((a, b) => a.offset - b.offset);
  steps.forEach((step, index) => {
    for (const { region, offset } of touched(step)) {
      if (region !== 'result') continue;
      const entry = inOrder.findLast((candidate) => candidate.offset * 4 <= offset);
      // What lies behind the parameters are statistics.
      if (entry && offset < (entry.offset + entry.size) * 4) last.set(entry.name, index);
    }
  });
  return last;
}

function touched(step: Step): readonly Place[] {
  switch (step.kind) {
    case 'node':
      return [step.out, ...step.inputs];
    case 'copy':
      return [step.to, step.from];
    case 'zero':
      return [step.to];
    case 'merge':
      return [step.left, step.right];
  }
}
