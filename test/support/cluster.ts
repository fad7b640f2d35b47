import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../packages/coordinator/bin/lockstep.js', import.meta.url));

export type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the one behind it, in its own process: `ip netns exec NAME`. */
  readonly launcher?: readonly string[];
  /** Runs instead of the command line itself. */
  readonly script?: string;
}

/** What must not outlive a test that was given up. */
const alive = new Set<ChildProcess>();
const killAll = () => {
  for (const child of alive) send(child, 'SIGKILL');
};

/** strace runs a process as its child, and would leave it behind. */
function send(child: ChildProcess, signal: NodeJS.Signals): boolean {
  if (child.spawnfile !== 'strace') return child.kill(signal);
  return spawnSync('pkill', ['--signal', signal, '-P', String(child.pid)]).status === 0;
}

process.once('exit', killAll);
process.once('SIGTERM', () => {
  killAll();
  process.exit(143);
});

/** A process of the command line, for tests with several of them. */
export class Process implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], { env = {}, launcher = [], script = bin }: ProcessOptions = {}) {
    const [program, ...rest] = [...launcher, process.execPath, script, ...args] as [string, ...string[]];
    this.child = spawn(program, rest, {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this.child);
    this.child.once('exit', () => alive.delete(this.child));
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
      if (process.env.TRACE) console.error(`${performance.now().toFixed(0)} ${args[0]} ${this.child.pid}: ${chunk}`);
    });
    this.exited = new Promise((resolve) => this.child.on('close', resolve));
  }

  /** @returns whether it was there to get it */
  kill(signal: NodeJS.Signals = 'SIGKILL'): boolean {
    return send(this.child, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A stopped process does not notice anything but this.
    this.kill('SIGKILL');
    await this.exited;
  }
}

/** `lockstep train … --listen --json`: its events as they come. */
export class Coordinator extends Process {
  readonly events: Event[] = [];
  #rest = '';
  #waiting: (() => void)[] = [];

  constructor(args: readonly string[], options: ProcessOptions = {}) {
    super(['train', ...args, '--json'], options);
    this.child.stdout?.on('data', (chunk) => {
      this.#rest += chunk;
      const lines = this.#rest.split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.events.push(JSON.parse(line) as Event);
      if (process.env.TRACE)
        console.error(lines.map((line) => `${performance.now().toFixed(0)} ${line.slice(0, 400)}`).join('\n'));
      this.#wake();
    });
    this.child.on('close', () => this.#wake());
  }

  /** The first event for which it holds. @throws where the process ends before */
  async until(holds: (event: Event) => boolean): Promise<Event> {
    for (;;) {
      const found = this.events.find(holds);
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`the coordinator ended before the event: ${this.stderr || JSON.stringify(this.events.at(-1))}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Where workers can join. */
  async address(): Promise<string> {
    return (await this.until(({ type }) => type === 'start')).address as string;
  }

  /** The digest of the weights, when it is done. */
  async digest(): Promise<string> {
    return (await this.until(({ type }) => type === 'done')).digest as string;
  }

  /** The first step that is reported after this call. */
  async nextStep(after = 0): Promise<number> {
    const { length } = this.ofType('step');
    await this.until(() => this.ofType('step').length > length + after);
    return this.ofType('step').at(-1)?.step as number;
  }

  ofType(type: string): Event[] {
    return this.events.filter((event) => event.type === type);
  }

  #wake(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const resolve of woken) resolve();
  }
}

/** `lockstep worker --join …` */
export class ClusterWorker extends Process {
  constructor(join: string, args: readonly string[] = [], options: ProcessOptions = {}) {
    super(['worker', '--join', join, '--threads', '1', ...args], options);
  }
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
