import type { Farewell } from '@lockstep/worker';
import type { Process, World } from './world.ts';

/** How bad a network is. Probabilities are those of a message. */
export interface Weather {
  readonly delayMs: readonly [number, number];
  readonly duplicate: number;
  /** A connection breaks. */
  readonly cut: number;
  /** How long nothing may come back before a pull is given up, as keepalive does, in milliseconds. */
  readonly keepaliveMs: number;
}

/** One end of a stream. */
export interface End {
  readonly owner: Process;
  received(message: unknown): void;
  closed(reason: string, farewell: Farewell): void;
}

/** A stream between two processes: in order in each direction, delayed, sometimes twice, until it breaks. */
export class Stream {
  readonly #network: Network;
  readonly #ends: [End, End];
  readonly #lastMs: [number, number] = [0, 0];
  #open = true;

  constructor(network: Network, ends: [End, End]) {
    this.#network = network;
    this.#ends = ends;
  }

  between(a: Process, b: Process): boolean {
    return this.#ends.some(({ owner }) => owner === a) && this.#ends.some(({ owner }) => owner === b);
  }

  touches(process: Process): boolean {
    return this.#ends.some(({ owner }) => owner === process);
  }

  /** @param from which end speaks */
  send(from: 0 | 1, message: unknown): void {
    if (!this.#open) return;
    const { world, weather } = this.#network;
    if (world.random.chance(weather.cut)) {
      this.reset('connection reset');
      return;
    }
    this.#deliver(from, message);
    if (!world.random.chance(weather.duplicate)) return;
    // At once or much later, among what was said meanwhile.
    world.after(world.random.skewed(0.1, 1000), () => this.#open && this.#deliver(from, message));
  }

  #deliver(from: 0 | 1, message: unknown): void {
    const { world } = this.#network;
    const to = this.#ends[1 - from] as End;
    const atMs = Math.max(this.#lastMs[from], this.#network.arrivalMs((this.#ends[from] as End).owner, to.owner));
    this.#lastMs[from] = atMs;
    if (!Number.isFinite(atMs)) return;
    world.after(atMs - world.nowMs, () => {
      if (this.#open) to.owner.now(() => this.#open && to.received(message));
    });
  }

  /** Closed by one end: the other one hears of it after what was said before. */
  close(by: 0 | 1, reason: string, farewell: Farewell = 'lost'): void {
    if (!this.#open) return;
    const other = this.#ends[1 - by] as End;
    const { world } = this.#network;
    const atMs = Math.max(this.#lastMs[by], this.#network.arrivalMs((this.#ends[by] as End).owner, other.owner));
    (this.#ends[by] as End).closed = () => undefined;
    (this.#ends[by] as End).received = () => undefined;
    if (!Number.isFinite(atMs)) return;
    world.after(atMs - world.nowMs, () => {
      this.#open = false;
      this.#network.forget(this);
      other.owner.now(() => other.closed(reason, farewell));
    });
  }

  /** Both ends see it break; what is on its way is lost. */
  reset(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#network.forget(this);
    for (const end of this.#ends) {
      this.#network.world.after(this.#network.delayMs(), () => end.owner.now(() => end.closed(reason, 'lost')));
    }
  }
}

/** What connects processes: streams, and requests with one answer. */
export class Network {
  readonly world: World;
  weather: Weather;
  readonly #streams = new Set<Stream>();
  /** Until when nothing gets from one process to another. */
  readonly #silent = new Map<string, number>();
  readonly #listeners = new Map<string, Process>();

  constructor(world: World, weather: Weather) {
    this.world = world;
    this.weather = weather;
  }

  listen(address: string, process: Process): void {
    this.#listeners.set(address, process);
  }

  at(address: string): Process | undefined {
    const process = this.#listeners.get(address);
    return process?.alive ? process : undefined;
  }

  forget(stream: Stream): void {
    this.#streams.delete(stream);
  }

  delayMs(): number {
    const [lo, hi] = this.weather.delayMs;
    return this.world.random.skewed(lo, hi);
  }

  /** When a message sent now is there: what falls into a silence is sent again when it is over, as TCP does. */
  arrivalMs(from: Process, to: Process): number {
    const silentUntil = this.#silent.get(`${from.name}>${to.name}`) ?? 0;
    return Math.max(this.world.nowMs, silentUntil) + this.delayMs();
  }

  silence(from: Process, to: Process, ms: number): void {
    this.#silent.set(`${from.name}>${to.name}`, this.world.nowMs + ms);
  }

  connect(ends: [End, End]): Stream {
    const stream = new Stream(this, ends);
    this.#streams.add(stream);
    return stream;
  }

  /** A process is gone. Its system tells the others; where the power is gone (`mute`), nobody does. */
  died(process: Process, mute: boolean): void {
    for (const stream of [...this.#streams]) {
      if (!stream.touches(process)) continue;
      if (mute) stream.reset = () => undefined;
      else stream.reset('connection reset by peer');
    }
  }

  cut(process: Process): void {
    for (const stream of [...this.#streams]) if (stream.touches(process)) stream.reset('connection reset');
  }

  /**
   * A request with one answer. `serve` runs at the other side and may answer later, or never. Returns what gives it up.
   *
   * @param ms how long the answer takes to be carried
   */
  request<T>(
    from: Process,
    to: string | Process,
    serve: (server: Process, answer: (value: T | Error) => void) => void,
    done: (value: T | Error) => void,
    ms = 0,
  ): () => void {
    let open = true;
    const settle = (value: T | Error) => {
      from.now(() => {
        if (!open) return;
        open = false;
        done(value);
      });
    };
    const server = typeof to === 'string' ? this.at(to) : to;
    const { random } = this.world;
    const address = typeof to === 'string' ? to : to.name;
    if (!server?.alive || random.chance(this.weather.cut)) {
      this.world.after(this.delayMs(), () => settle(new Error(`${address} does not answer`)));
      return () => {
        open = false;
      };
    }
    const watch = () => {
      if (!open) return;
      // Keepalive: a dead or silent peer is noticed, a slow one is waited for.
      const now = this.world.nowMs;
      const silentMs = Math.max(
        (this.#silent.get(`${from.name}>${server.name}`) ?? 0) - now,
        (this.#silent.get(`${server.name}>${from.name}`) ?? 0) - now,
      );
      if (!server.alive || silentMs > 0 || server.frozen) settle(new Error(`${address} is silent`));
      else this.world.after(this.weather.keepaliveMs, watch);
    };
    this.world.after(this.weather.keepaliveMs, watch);
    this.world.after(this.arrivalMs(from, server) - this.world.nowMs, () =>
      server.now(() => {
        serve(server, (value) => {
          if (!server.alive) return;
          this.world.after(this.arrivalMs(server, from) - this.world.nowMs + ms, () => server.alive && settle(value));
        });
      }),
    );
    return () => {
      open = false;
    };
  }
}
