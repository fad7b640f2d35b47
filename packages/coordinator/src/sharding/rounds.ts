import { CollectRound } from './collect-round.ts';
import type { ItemSpec } from './effects.ts';
import { ExchangeRound } from './exchange-round.ts';
import { FlowRound } from './flow-round.ts';
import type { Round, RoundContext } from './round.ts';

/** How an item is brought through in the mode and placement of the run. */
export function roundFor(spec: ItemSpec, context: RoundContext): Round {
  const { placement, mode } = context.options;
  if (spec.kind !== 'train') return new CollectRound(spec, context);
  if (mode === 'ssp' || mode === 'async') return new FlowRound(spec, context);
  return placement === 'workers' ? new ExchangeRound(spec, context) : new CollectRound(spec, context);
}
