import { spawnSync } from 'node:child_process';
import { chaosProxy } from './chaos-proxy.ts';

/** A machine of a network of tests. */
export interface Host {
  /** Runs a command on it. */
  readonly launcher: readonly string[];
  /** `host:0`, to be listened on. */
  readonly listen: string;
  /** Flags that it takes to listen there and to dial from there. */
  readonly flags: readonly string[];
}

/** A few machines on one wire, each with a process of a run, and what may happen to the wire. Number 0 is the coordinator's. */
export interface TestNetwork extends AsyncDisposable {
  readonly hosts: readonly Host[];
  /** How a worker's host dials the address that the coordinator says it listens at. */
  reach(host: number, address: string): Promise<string>;
  /** Nothing goes to a host, or comes from it; nobody is told. */
  cut(host: number): void;
  /** Nothing goes from a host to the coordinator any more; the other way it does. */
  mute(host: number): void;
  /** All is well again. */
  heal(host: number): void;
  /** So many bits a second, and what does not fit into a short queue is lost. */
  narrow(host: number, rate: string): void;
}

/** A command's error in one line, or undefined where it worked. */
function failure(...command: readonly string[]): string | undefined {
  const [program, ...args] = command as [string, ...string[]];
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return `${command.join(' ')}: ${error?.message ?? stderr.trim()}`;
}

function run(...command: readonly string[]): void {
  const failed = failure(...command);
  if (failed) throw new Error(failed);
}

/** Why network namespaces cannot be made here; undefined where they can. */
export function namespacesMissing(): string | undefined {
  removeStale();
  const name = `lockstep-probe-${process.pid}`;
  const failed =
    failure('ip', 'netns', 'add', name) ??
    failure('ip', '-n', name, 'link', 'add', 'dev', 'va', 'type', 'veth', 'peer', 'name', 'vb') ??
    failure('ip', '-n', name, 'link', 'add', 'dev', 'vc', 'type', 'bridge') ??
    failure(
      'tc',
      '-n',
      name,
      'qdisc',
      'add',
      'dev',
      'va',
      'root',
      'tbf',
      'rate',
      '1mbit',
      'burst',
      '10kb',
      'limit',
      '20kb',
    );
  failure('ip', 'netns', 'del', name);
  return failed;
}

/** A test that was killed leaves its namespaces; their names begin with its process. */
function removeStale(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const [name, pid] of (stdout ?? '').matchAll(/^ls(\d+)v\d\w+/gm))
    if (!isAlive(Number(pid))) failure('ip', 'netns', 'del', name);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Machines of their own, as far as the network goes: namespaces that hang on one bridge. */
export function namespaceNetwork(family: 'IPv4' | 'IPv6', count: number): TestNetwork {
  const prefix = `ls${process.pid}v${family.slice(-1)}`;
  const hub = `${prefix}h`;
  const names = Array.from({ length: count }, (_, i) => `${prefix}n${i}`);
  const address = (i: number) => (family === 'IPv6' ? `fd00:10c5::${i + 1}` : `10.197.5.${i + 1}`);
  const port = (i: number) => `p${i}`;
  run('ip', 'netns', 'add', hub);
  run('ip', '-n', hub, 'link', 'add', 'dev', 'bridge', 'type', 'bridge');
  run('ip', '-n', hub, 'link', 'set', 'dev', 'bridge', 'up');
  names.forEach((name, i) => {
    run('ip', 'netns', 'add', name);
    run('ip', '-n', name, 'link', 'set', 'dev', 'lo', 'up');
    run('ip', '-n', name, 'link', 'add', 'dev', 'wire', 'type', 'veth', 'peer', 'name', port(i), 'netns', hub);
    run('ip', '-n', hub, 'link', 'set', 'dev', port(i), 'master', 'bridge', 'up');
    // No time is lost with looking for others of the same address.
    const [mask, more] = family === 'IPv6' ? ['64', ['nodad']] : ['24', []];
    run('ip', '-n', name, 'addr', 'add', `${address(i)}/${mask}`, 'dev', 'wire', ...more);
    run('ip', '-n', name, 'link', 'set', 'dev', 'wire', 'up');
  });
  const wrong = ['lladdr', '02:00:00:00:00:99', 'dev', 'wire'];
  return {
    hosts: names.map((name, i) => ({
      launcher: ['ip', 'netns', 'exec', name],
      listen: family === 'IPv6' ? `[${address(i)}]:0` : `${address(i)}:0`,
      flags: ['--insecure'],
    })),
    reach: (_, at) => Promise.resolve(at),
    cut: (host) => run('ip', '-n', hub, 'link', 'set', 'dev', port(host), 'down'),
    // Its frames go to a machine that is not there.
    mute: (host) =>
      run('ip', '-n', names[host] as string, 'neigh', 'replace', address(0), ...wrong, 'nud', 'permanent'),
    heal(host) {
      run('ip', '-n', hub, 'link', 'set', 'dev', port(host), 'up');
      failure('ip', '-n', names[host] as string, 'neigh', 'del', address(0), 'dev', 'wire');
    },
    narrow(host, rate) {
      for (const [name, device] of [
        [hub, port(host)],
        [names[host] as string, 'wire'],
      ] as const)
        run(
          'tc',
          '-n',
          name,
          'qdisc',
          'replace',
          'dev',
          device,
          'root',
          'tbf',
          'rate',
          rate,
          'burst',
          '20kb',
          'limit',
          '60kb',
        );
    },
    async [Symbol.asyncDispose]() {
      for (const name of [...names, hub]) failure('ip', 'netns', 'del', name);
    },
  };
}

/** Loopback, where namespaces cannot be had: what is between a worker and the coordinator goes through a proxy. */
export function loopbackNetwork(family: 'IPv4' | 'IPv6', count: number): TestNetwork {
  const proxies = new Map<number, Awaited<ReturnType<typeof chaosProxy>>>();
  const listen = family === 'IPv6' ? '[::1]:0' : '127.0.0.1:0';
  const set = (host: number, up: boolean, down: boolean) => {
    const proxy = proxies.get(host);
    if (!proxy) throw new Error(`host ${host} has not dialled yet`);
    proxy.up.silent = up;
    proxy.down.silent = down;
  };
  return {
    hosts: Array.from({ length: count }, () => ({ launcher: [], listen, flags: [] })),
    async reach(host, at) {
      const proxy = await chaosProxy(Number(at.split(':').at(-1)), { host: family === 'IPv6' ? '::1' : '127.0.0.1' });
      proxies.set(host, proxy);
      return `127.0.0.1:${proxy.port}`;
    },
    cut: (host) => set(host, true, true),
    mute: (host) => set(host, true, false),
    heal: (host) => set(host, false, false),
    narrow(host) {
      const proxy = proxies.get(host);
      if (proxy) for (const direction of [proxy.up, proxy.down]) direction.rate = 2_500_000;
    },
    async [Symbol.asyncDispose]() {
      for (const proxy of proxies.values()) await proxy.close();
    },
  };
}
