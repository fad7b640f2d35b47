import { once } from 'node:events';
import { connect } from 'node:net';
import { dialTarget, parseAddress } from './address.ts';
import { StatusError, status } from './status-error.ts';

const reasons: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there: start it first, or check the port',
  ENOTFOUND: 'the name is not known: check it, or write an IP address',
  EAI_AGAIN: 'the name could not be looked up: check the network, or write an IP address',
  ECONNRESET: 'connections are closed there at once: check the port',
  EHOSTUNREACH: 'there is no way to that host: check the address and the network',
  ENETUNREACH: 'there is no way to that network: check the address and the network',
  EINVAL: 'the address cannot be dialled from here: use another address of that machine, or its name',
  EMFILE: 'too many files are open: raise `ulimit -n`',
};

/**
 * Sees whether somebody accepts connections at an address, so that a wrong one is named within seconds; gRPC would go on trying.
 *
 * @param timeoutMs a network that swallows packets says nothing at all
 * @throws StatusError UNAVAILABLE with the reason in words; UsageError where the address is none
 */
export async function reach(address: string, timeoutMs = 5000): Promise<void> {
  const { host, port } = parseAddress(address);
  dialTarget({ host, port });
  const socket = connect({ host, port, autoSelectFamily: true });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const { code, name, message, errors } = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
    // Several addresses of one name fail together.
    const first = code ?? errors?.[0]?.code ?? '';
    const why =
      name === 'AbortError'
        ? `no answer within ${timeoutMs / 1000} s: check the address and firewalls`
        : (reasons[first] ?? message);
    throw new StatusError(status.UNAVAILABLE, `${address} cannot be reached: ${why}`, { cause: error, details: why });
  } finally {
    socket.on('error', () => {}).destroy();
  }
}
