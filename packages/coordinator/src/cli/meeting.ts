import type { StartEvent } from '../observe/events.ts';

/** What workers need, beside the address, to take part in a run. */
export interface Meeting {
  /** Whether they need certificates. */
  readonly certs?: boolean;
  /** Whether they need a join token that is not in the folder of their certificates. */
  readonly token?: boolean;
  /** So many the first step waits for. */
  readonly minWorkers?: number;
}

/** Addresses that stand for all of a machine's own; others dial one of these. */
const anywhere = /^(0\.0\.0\.0|\[::\])(?=:)/;
const loopback = /^(127\.|localhost:|\[::1\])/;

/** Where workers join, and with what command; undefined where none can. */
export function meetingText({ address, placement }: StartEvent, { certs, token }: Meeting): string | undefined {
  if (address === undefined) return undefined;
  const options = [
    `--join ${address.replace(anywhere, 'HOST')}`,
    ...(certs ? ['--certs FOLDER'] : []),
    ...(token ? ['--token-file FILE'] : []),
    ...(placement === 'workers' && !loopback.test(address) ? ['--listen HOST:PORT'] : []),
  ];
  const condition = certs ? ', each with a folder of certificates (lockstep certs issue worker NAME)' : '';
  return `workers join at ${address}${condition}: lockstep worker ${options.join(' ')}`;
}
