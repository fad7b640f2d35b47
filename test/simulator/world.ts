import type { Random } from './random.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Simulated time: what is to happen, in order. Real time plays no part. */
export class World {
  readonly random: Random;
  /** A monotonic clock begins anywhere. */
  nowMs: number;
  /** A real promise was settled: whoever waits for it has its turn before the next event. */
  woken = false;
  readonly #heap: Event[] = [];
  #order = 0;
  events = 0;
  /** Which object serves in a process. */
  readonly servers = new Map<Process, object>();
  /** What is the same for all processes. */
  toy: object = {};
  /** Told of every effect, for whoever looks for a fault. */
  trace: (who: string, effect: object) => void = () => undefined;

  constructor(random: Random) {
    this.random = random;
    this.nowMs = random.integer(0, 1e9);
  }

  after(ms: number, run: () => void): void {
    this.#push({ atMs: this.nowMs + Math.max(0, ms), order: this.#order++, run });
  }

  /** Until `over`, or no later than `untilMs`. */
  async run(over: () => boolean, untilMs: number): Promise<void> {
    while (!over()) {
      const event = this.#pop();
      if (!event || event.atMs > untilMs) return;
      this.nowMs = event.atMs;
      this.events++;
      event.run();
      if (this.woken) await this.#turn();
    }
  }

  async #turn(): Promise<void> {
    this.woken = false;
    await new Promise((resolve) => setImmediate(resolve));
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, heap[parent] as Event)) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child] as Event)) child++;
      if (!before(heap[child] as Event, last)) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

let processes = 0;

/**
 * A process of the simulation. What is to happen in it waits while it is frozen and never happens once it is dead. Its monotonic
 * clock goes on during a freeze, as that of a real machine does.
 */
export class Process {
  readonly world: World;
  readonly name: string;
  readonly id = ++processes;
  alive = true;
  #frozenUntilMs = 0;
  /** What came in during a freeze, in order. */
  #held: (() => void)[] = [];

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
  }

  get frozen(): boolean {
    return this.world.nowMs < this.#frozenUntilMs;
  }

  after(ms: number, run: () => void): void {
    this.world.after(ms, () => this.now(run));
  }

  /** For code that awaits: a promise that is settled in simulated time, never once the process is dead. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) =>
      this.after(ms, () => {
        this.world.woken = true;
        resolve();
      }),
    );
  }

  /** Runs at once, or when the process thaws. */
  now(run: () => void): void {
    if (!this.alive) return;
    if (this.frozen || this.#held.length > 0) this.#held.push(run);
    else run();
  }

  freeze(ms: number): void {
    if (this.frozen) return;
    this.#frozenUntilMs = this.world.nowMs + ms;
    this.world.after(ms, () => this.#thaw());
  }

  #thaw(): void {
    const held = this.#held;
    this.#held = [];
    for (const run of held) if (this.alive) run();
  }

  kill(): void {
    this.alive = false;
    this.#held = [];
  }
}
