import { hostname } from 'node:os';
import { UsageError, version } from '@lockstep/core';
import { descriptorKinds, kernelsHash, LockstepError, numericsVersion } from '@lockstep/core/internal';
import { Board } from '../exchange/board.ts';
import { type ExchangeHost, exchangeService } from '../exchange/exchange-service.ts';
import { Exchange } from '../gen/lockstep/v1/exchange_pb.ts';
import { formatAddress, isLoopback, parseAddress } from '../grpc/address.ts';
import { Channel } from '../grpc/channel.ts';
import { diagnose } from '../grpc/diagnose.ts';
import { workerName } from '../grpc/identity.ts';
import { Refusals } from '../grpc/refusals.ts';
import { checkListen, type Security } from '../grpc/security.ts';
import { serve, served } from '../grpc/server.ts';
import { compiledKernels } from '../thread/compiled-kernels.ts';
import { describeRescue } from '../thread/rescue.ts';
import { inWords } from './contact.ts';
import { grpcLink } from './coordinator-link.ts';
import { PiecesOfOthers } from './pieces-of-others.ts';
import { Tasks } from './tasks.ts';
import { WorkerHost } from './worker-host.ts';

export interface RunWorkerOptions {
  /** `host:port` of the coordinator. */
  readonly join: string;
  readonly threads: number;
  /** Where others can pull from, or `none`; default: a free port of 127.0.0.1 where the coordinator is on loopback, else nowhere. */
  readonly listen?: string | undefined;
  /** Under which address others reach `listen`; default: that itself. */
  readonly advertise?: string | undefined;
  /** Shown in events; with certificates the name in this worker's. Default: the host's. */
  readonly name?: string | undefined;
  readonly security: Security;
  readonly insecure: boolean;
  readonly memoryLimitBytes: number;
  readonly dataRoot?: string | undefined;
  readonly widen: boolean;
  /** How long the coordinator is dialled before it was reached once, in milliseconds. */
  readonly firstContactMs: number;
  /** And how long after its connection was lost; default half an hour, Infinity = for ever. */
  readonly giveUpMs?: number | undefined;
  readonly say: (text: string) => void;
  /** Aborting finishes what is being computed and leaves. */
  readonly signal: AbortSignal;
}

/** Long enough for a machine to be started again, or a coordinator by hand; not so long that forgotten workers keep memory for days. In milliseconds. */
const defaultGiveUpMs = 1_800_000;

const nobodyAnyMore =
  'nobody listens there any more: the run is over, or its coordinator was killed and is to be started again with --resume';

const withoutFullStop = (text: string): string => text.replace(/\.$/, '');

/** A worker, from its first dial until the coordinator sends it home or it is told to leave. @throws LockstepError where it cannot take part */
export async function runWorker(options: RunWorkerOptions): Promise<string> {
  const { join, threads, security, say, signal } = options;
  const name = options.name ?? hostname().replace(/[^A-Za-z0-9._-]/g, '-');
  if (!workerName.test(name))
    throw new UsageError(
      `The name "${name}" must be letters, digits, dots and dashes, at most 63: give another with --name.`,
    );
  const coordinator = formatAddress(parseAddress(join));
  const listen = options.listen ?? (isLoopback(parseAddress(join).host) ? '127.0.0.1:0' : 'none');
  if (listen === 'none' && options.advertise !== undefined)
    throw new UsageError('--advertise says under which address others reach --listen: add --listen HOST:PORT.');
  const kernels = await compiledKernels(options.widen);
  const traffic = { sent: 0, sums: 0, received: 0 };
  const refusals = new Refusals();
  let board = new Board();
  const server =
    listen === 'none'
      ? undefined
      : await listenAt(listen, options, {
          run: () => tasks.welcome?.run ?? '',
          get board() {
            return board;
          },
          // Admission has seen its certificate; who is which member only the coordinator knows.
          isMember: () => true,
          traffic,
          refusals,
        });
  const own = server ? advertised(server.address, options.advertise) : '';
  const others = new PiecesOfOthers({
    ...{ security, coordinator, own, traffic },
    board: () => board,
    leaseMs: () => tasks.welcome?.leaseMs,
  });
  const tasks: Tasks = new Tasks(
    {
      others,
      coordinator,
      kernels,
      threads,
      limitBytes: options.memoryLimitBytes,
      mergeShards: true,
      onRescue: (rescued) => say(describeRescue(rescued)),
      dataRoot: options.dataRoot,
    },
    board,
  );
  const expect = { role: 'coordinator' } as const;
  const channel = new Channel({ address: coordinator, security, expect });
  const why = async (reason: string, gone = true): Promise<string> => {
    const found = await diagnose(coordinator, security, expect);
    return gone && found?.closed ? nobodyAnyMore : (found?.why ?? withoutFullStop(reason));
  };
  const host = new WorkerHost({
    introduction: {
      name,
      threads,
      kernelsHash: kernelsHash(),
      numericsVersion,
      release: version,
      memoryLimitBytes: options.memoryLimitBytes,
      address: own,
      dataKinds: [...descriptorKinds],
      instance: crypto.randomUUID(),
    },
    link: grpcLink(channel, () => others.renew(coordinator)),
    tasks,
    newBoard: () => {
      board = new Board();
      return board;
    },
    contact: { firstMs: options.firstContactMs, giveUpMs: options.giveUpMs ?? defaultGiveUpMs, say, why },
  });
  const onAbort = () => host.leave('it was told to stop');
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    const { reason, how, awayMs } = await host.ended;
    if (how === 'lost')
      throw new LockstepError(
        `This worker has had no connection to the run at ${coordinator} for ${inWords(awayMs)}: ${await why(reason)}.`,
      );
    if (how !== 'left') {
      const text = how === 'first' ? await why(reason, false) : withoutFullStop(reason);
      throw new LockstepError(`This worker cannot take part in the run at ${coordinator}: ${text}.`);
    }
    const moved = `sent ${traffic.sent} bytes, ${traffic.sums} of them sums, received ${traffic.received}`;
    return `${withoutFullStop(reason)} (${moved}${refusedText(refusals, host.refused)})`;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await tasks.close();
    others.close();
    channel.close();
    await server?.close();
  }
}

function listenAt(
  address: string,
  { security, insecure, say }: RunWorkerOptions,
  exchange: ExchangeHost & { readonly refusals: Refusals },
) {
  const warning = checkListen(address, security, insecure);
  if (warning) say(warning);
  const services = [served(Exchange, exchangeService(exchange), ['coordinator', 'worker'])];
  return serve({ address, security, refusals: exchange.refusals, services });
}

/** What came too late, twice or from elsewhere, and changed nothing, by reason. */
function refusedText(refusals: Refusals, messages: number): string {
  for (let i = 0; i < messages; i++) refusals.count('STALE');
  const counts = Object.entries(refusals.toJSON()).map(([reason, count]) => `${count} ${reason}`);
  return counts.length > 0 ? `; refused ${counts.join(', ')}` : '';
}

/** `--advertise HOST` keeps the port that was taken. */
function advertised(address: string, advertise: string | undefined): string {
  if (advertise === undefined) return address;
  const { host, port } = parseAddress(advertise);
  return formatAddress({ host, port: port === 0 ? parseAddress(address).port : port });
}
