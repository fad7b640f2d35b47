import { waitingText } from '../observe/cluster-events.ts';
import type { RunEvent } from '../observe/events.ts';
import type { ClusterEvent } from '../sharding/effects.ts';

/** What people are told of the cluster, as an event of the run. */
export function toRunEvent(event: ClusterEvent): RunEvent {
  switch (event.type) {
    case 'worker-joined':
      return { ...event, address: event.address === '' ? null : event.address };
    case 'waiting': {
      const { step, workers, needed, lost } = event;
      const waiting = { workers, needed };
      const gone = lost.length > 0 ? ` Lost ${lost.join('; ')}.` : '';
      return { type: 'warning', step, message: `Waiting ${waitingText(step, waiting)}.${gone}`, waiting };
    }
    default:
      return event;
  }
}
