import type { FromCoordinatorMessage } from '../sharding/effects.ts';

type Work = Extract<FromCoordinatorMessage, { case: 'work' }>['value'];

/**
 * A message in which the coordinator's own threads are reached as the coordinator is: an empty address. Where it listens need not be where
 * others dial it (`0.0.0.0`, or behind a name that its certificate has).
 *
 * @param own where the coordinator listens
 */
export function asDialled(message: FromCoordinatorMessage, own: string): FromCoordinatorMessage {
  const reached = <T extends { readonly address?: string }>(who: T): T =>
    who.address === own ? { ...who, address: '' } : who;
  if (message.case === 'adopt') return { case: 'adopt', value: reached(message.value) };
  if (message.case !== 'work') return message;
  const { shares = [], owners = [] } = message.value;
  const value = { ...message.value, shares: shares.map(reached), owners: owners.map(reached) };
  return { case: 'work', value: value as Work };
}
