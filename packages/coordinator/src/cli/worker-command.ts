import { availableParallelism, hostname, totalmem } from 'node:os';
import { Command, Option } from 'commander';
import { addSecurityFlags, type SecurityFlags } from './cluster-flags.ts';
import { exitCode } from './exit-code.ts';
import { numberOption, onOff } from './options.ts';
import { spaciousHeap } from './spacious-heap.ts';

interface Flags extends SecurityFlags {
  readonly join: string;
  readonly threads?: number;
  readonly listen?: string;
  readonly advertise?: string;
  readonly name?: string;
  readonly data?: string;
  readonly memory?: number;
  readonly wait?: number;
  readonly giveUp?: number;
  readonly widen: 'on' | 'off';
}

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('compute for a run of another machine')
    .addOption(new Option('--join <host:port>', 'the coordinator').env('LOCKSTEP_JOIN').makeOptionMandatory())
    .addOption(numberOption('--threads <n>', 'compute threads (default: one per core)', 1, 'LOCKSTEP_THREADS'))
    .addOption(
      new Option(
        '--listen <host:port>',
        'where others can pull from (default: a free port where the coordinator is on loopback, else none: nowhere)',
      ).env('LOCKSTEP_WORKER_LISTEN'),
    )
    .option('--advertise <host:port>', 'under which address others reach --listen')
    .addOption(
      new Option('--name <name>', 'shown in events; that of the certificate (default: the host)').env('LOCKSTEP_NAME'),
    )
    .addOption(
      new Option(
        '--data <path>',
        'folder or file that data may be read from here (default: none, samples are sent)',
      ).env('LOCKSTEP_DATA'),
    )
    .addOption(
      numberOption(
        '--memory <mib>',
        "most memory a run may share, in MiB (default: 80 % of the machine's, at most 4096)",
        1,
        'LOCKSTEP_MEMORY',
      ),
    )
    .addOption(numberOption('--wait <seconds>', 'how long the coordinator is tried at first (default: 10)', 0))
    .addOption(
      numberOption(
        '--give-up <seconds>',
        'how long it is dialled again after the connection was lost, 0 = for ever (default: 1800)',
        0,
      ),
    )
    .option('--debug', 'stacks of errors')
    .addOption(onOff('--widen <on|off>', 'let V8 widen the vectors of the kernels').hideHelp());
  return addSecurityFlags(command).action(runWorkerCommand);
}

const defaultWaitSeconds = 10;

async function runWorkerCommand(flags: Flags): Promise<void> {
  spaciousHeap();
  // Other commands start without the libraries of the network.
  const { loadSecurity, runWorker } = await import('@lockstep/worker');
  const leave = new AbortController();
  const onSignal = () => {
    if (leave.signal.aborted) process.exit(exitCode.interrupted);
    leave.abort();
    say('leaving after the shards at hand; once more stops at once');
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const { certs, tokenFile } = flags;
  const security = loadSecurity({ certs, tokenFile, role: 'worker', environment: process.env });
  // With a certificate a worker is who that says.
  const name = flags.name ?? security.identity?.name ?? hostname().replace(/[^A-Za-z0-9._-]/g, '-');
  try {
    const reason = await runWorker({
      join: flags.join,
      threads: flags.threads ?? availableParallelism(),
      listen: flags.listen,
      advertise: flags.advertise,
      name,
      security,
      insecure: flags.insecure ?? false,
      memoryLimitBytes: flags.memory === undefined ? Math.floor(totalmem() * 0.8) : flags.memory * 2 ** 20,
      dataRoot: flags.data,
      widen: flags.widen === 'on',
      firstContactMs: (flags.wait ?? defaultWaitSeconds) * 1000,
      giveUpMs: flags.giveUp === 0 ? Number.POSITIVE_INFINITY : flags.giveUp && flags.giveUp * 1000,
      say,
      signal: leave.signal,
    });
    say(reason);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

const say = (text: string): void => void process.stderr.write(`lockstep worker: ${text}\n`);
