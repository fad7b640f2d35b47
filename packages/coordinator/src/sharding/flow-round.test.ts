import { create } from '@bufbuild/protobuf';
import { type FromWorkerMessage, FromWorkerSchema } from '@lockstep/worker';
import { describe, expect, test } from 'vitest';
import { ClusterCore } from './cluster-core.ts';
import type { ClusterEffect, ClusterInput, ItemSpec } from './effects.ts';

type Effect<K extends ClusterEffect['kind']> = Extract<ClusterEffect, { kind: K }>;

const ticket = (step: number): ItemSpec => ({
  ...{ item: 1, kind: 'train', step, phase: 0, samples: 16, firstSample: 0, learningRates: [0.1], scalars: [] },
  ...{ localSteps: 0, resultLength: 10_000, indices: [] },
});

const whole = { lo: 0, hi: 4 };

/** A turn that a worker was given. */
interface Given {
  readonly item: number;
  readonly step: number;
  readonly parametersItem: number;
}

/**
 * A coordinator in whose runs updates are applied as they come, with workers, network and replica played by the test: whatever is under way ends
 * when the test says so, in any order.
 */
class Flow {
  readonly core: ClusterCore;
  readonly steps: number;
  /** What each worker computes. */
  readonly computing = new Map<number, Given>();
  /** Gradients that are being fetched. */
  collects: Effect<'collect'>[] = [];
  applying: Effect<'apply'> | undefined;
  readonly applied: { batch: number; step: number; staleness: number; by: number }[] = [];
  wanted = false;
  done = false;
  readonly events: Effect<'event'>['event'][] = [];
  readonly refused: string[] = [];
  #nowMs = 0;
  #tickets = 1;
  readonly #turns = new Map<number, { step: number; by: number; seen: number }>();

  constructor(staleness: number, steps: number) {
    this.steps = steps;
    this.core = new ClusterCore({
      ...{ run: 'run', incarnation: 1, jobDigest: 'job', placement: 'coordinator', mode: 'ssp', reduce: 'f32' },
      ...{
        shards: 4,
        leaseMs: 10_000,
        heartbeatMs: 1000,
        minWorkers: 1,
        staleness,
        compression: '',
        admit: () => undefined,
      },
    });
  }

  begin(): void {
    this.give({ kind: 'begin', item: ticket(0) });
  }

  join(session: number, address = `w${session}:1`): void {
    this.say(
      session,
      { case: 'hello', value: { name: `w${session}`, threads: 1, address, instance: `${session}` } },
      0,
    );
    this.say(session, { case: 'ready', value: {} });
  }

  lose(session: number): void {
    this.computing.delete(session);
    this.give({ kind: 'disconnected', session, reason: 'connection reset' });
  }

  say(session: number, message: FromWorkerMessage, term = this.core.term): void {
    this.give({ kind: 'received', session, message: create(FromWorkerSchema, { term, message }) });
  }

  /** The worker has computed its turn. */
  compute(session: number): void {
    const { item } = this.computing.get(session) as Given;
    this.computing.delete(session);
    this.say(session, { case: 'computed', value: { item, nodes: [{ range: whole }], computeMs: 10 } });
  }

  /** The first gradient under way is here. */
  arrive(): void {
    const { member, item, node } = this.collects.shift() as Effect<'collect'>;
    this.give({ kind: 'arrived', member, item, node });
  }

  apply(): void {
    const { item, step, staleness } = this.applying as Effect<'apply'>;
    const turn = this.#turns.get(item);
    this.applying = undefined;
    this.applied.push({ batch: turn?.step ?? -1, step, staleness, by: turn?.by ?? -1 });
    this.give({ kind: 'updated', item });
  }

  answer(): void {
    this.wanted = false;
    const more = this.#tickets < this.steps && { ticket: ticket(this.#tickets++) };
    this.give({ kind: 'ticket', item: 1, ...more });
  }

  /** Computes, fetches and applies until nobody of these has anything to do. */
  play(...sessions: number[]): void {
    for (let busy = true; busy; ) {
      busy = true;
      const session = sessions.find((one) => this.computing.has(one));
      if (this.wanted) this.answer();
      else if (this.collects.length > 0) this.arrive();
      else if (this.applying) this.apply();
      else if (session !== undefined) this.compute(session);
      else busy = false;
    }
  }

  /** Time passes, with a sign of life of everybody. */
  wait(ms: number): void {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; this.#nowMs += 49) {
      for (const { session } of this.core.members) this.say(session, { case: 'alive', value: {} });
    }
  }

  give(input: ClusterInput): void {
    for (const effect of this.core.handle(++this.#nowMs, input)) {
      if (effect.kind === 'collect') this.collects.push(effect);
      else if (effect.kind === 'want') {
        expect(this.wanted).toBe(false);
        this.wanted = true;
      } else if (effect.kind === 'apply') {
        expect(this.applying).toBeUndefined();
        this.applying = effect;
      } else if (effect.kind === 'done') this.done = true;
      else if (effect.kind === 'reach') this.give({ kind: 'reached', member: effect.member });
      else if (effect.kind === 'event') this.events.push(effect.event);
      else if (effect.kind === 'refused') this.refused.push(effect.what);
      else if (effect.kind === 'send' && effect.message.message?.case === 'work') {
        const { item = 0, step = 0, parametersItem = 0 } = effect.message.message.value;
        expect(parametersItem).toBe(this.core.stateItem);
        this.computing.set(effect.session, { item, step, parametersItem });
        this.#turns.set(item, { step, by: effect.session, seen: this.applied.length });
      }
    }
  }

  expectWhole(): void {
    const all = Array.from({ length: this.steps }, (_, i) => i);
    expect(this.done).toBe(true);
    expect(this.applied.map(({ step }) => step)).toEqual(all);
    expect(this.applied.map(({ batch }) => batch).sort((a, b) => a - b)).toEqual(all);
  }
}

test('each worker gets its own batch, and the next one with the parameters that its own update made', () => {
  const flow = new Flow(Number.POSITIVE_INFINITY, 4);
  flow.join(1);
  flow.join(2);
  flow.begin();
  flow.answer();
  expect([...flow.computing.values()].map(({ step }) => step)).toEqual([0, 1]);
  flow.compute(2);
  flow.arrive();
  flow.apply();
  expect(flow.applied).toEqual([{ batch: 1, step: 0, staleness: 0, by: 2 }]);
  flow.answer();
  expect(flow.computing.get(2)).toMatchObject({ step: 2, parametersItem: flow.core.stateItem });
  flow.compute(1);
  flow.arrive();
  flow.apply();
  // It began before the other one's update was there.
  expect(flow.applied.at(-1)).toEqual({ batch: 0, step: 1, staleness: 1, by: 1 });
  flow.play(1, 2);
  flow.expectWhole();
});

test('a worker that is fast waits for one that stands still, and goes on where that one is lost', () => {
  const flow = new Flow(2, 20);
  flow.join(1);
  flow.join(2);
  flow.begin();
  flow.play(1);
  // Two ahead of a worker that is at its first update, and with one more on top it would be three.
  expect(flow.applied).toHaveLength(3);
  expect(flow.computing.has(1)).toBe(false);
  flow.lose(2);
  flow.play(1);
  flow.expectWhole();
  expect(flow.events.find(({ type }) => type === 'worker-lost')).toMatchObject({ name: 'w2', shards: [0, 1, 2, 3] });
});

test('without a bound a worker that stands still is only missed at the end', () => {
  const flow = new Flow(Number.POSITIVE_INFINITY, 20);
  flow.join(1);
  flow.join(2);
  flow.begin();
  flow.play(1);
  expect(flow.applied).toHaveLength(19);
  expect(flow.done).toBe(false);
  flow.play(2);
  flow.expectWhole();
  expect(flow.applied.at(-1)).toMatchObject({ batch: 1, staleness: 19 });
});

test('at the end somebody who is idle takes over what another one is late with, and the first gradient counts', () => {
  const flow = new Flow(Number.POSITIVE_INFINITY, 10);
  flow.join(1);
  flow.join(2);
  flow.begin();
  flow.play(1);
  expect(flow.applied).toHaveLength(9);
  const late = flow.computing.get(2);
  flow.wait(150);
  expect(flow.computing.get(1)).toMatchObject({ step: late?.step });
  flow.play(1);
  flow.expectWhole();
  flow.compute(2);
  expect(flow.refused).toHaveLength(1);
});

test('a batch that two have is not at the head of the queue again when one of them is lost', () => {
  const flow = new Flow(Number.POSITIVE_INFINITY, 10);
  flow.join(1);
  flow.join(2);
  flow.begin();
  flow.play(1);
  flow.wait(150);
  expect(flow.computing.has(1)).toBe(true);
  flow.lose(1);
  expect(flow.events.at(-1)).toMatchObject({ type: 'worker-lost', name: 'w1', shards: [] });
  flow.play(2);
  flow.expectWhole();
});

test('a gradient that has arrived stays when its worker is lost', () => {
  const flow = new Flow(0, 2);
  flow.join(1);
  flow.begin();
  flow.compute(1);
  flow.arrive();
  flow.lose(1);
  flow.apply();
  expect(flow.applied).toMatchObject([{ batch: 0, by: 1 }]);
  flow.answer();
  expect(flow.events.at(-1)).toMatchObject({ type: 'waiting' });
  flow.join(2);
  flow.play(2);
  flow.expectWhole();
});

test('sums of another turn, twice, or of nobody change nothing', () => {
  const flow = new Flow(0, 3);
  flow.join(1);
  flow.join(2);
  flow.begin();
  flow.answer();
  const { item } = flow.computing.get(1) as Given;
  const value = { item, nodes: [{ range: whole }], computeMs: 10 };
  flow.say(2, { case: 'computed', value });
  flow.say(1, { case: 'computed', value: { ...value, nodes: [{ range: { lo: 0, hi: 9 } }] } });
  flow.say(1, { case: 'updated', value: { item } });
  expect(flow.refused).toHaveLength(3);
  expect(flow.collects).toHaveLength(0);
  flow.play(1, 2);
  flow.say(1, { case: 'computed', value });
  expect(flow.refused).toHaveLength(4);
  flow.expectWhole();
});

/** Numbers in [0, 1) from a seed: mulberry32. */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe.each([0, 1, 3, Number.POSITIVE_INFINITY])('a bound of %s', (bound) => {
  test('holds in any order of events, whoever is slow, comes or is lost', () => {
    for (let seed = 0; seed < 300; seed++) {
      const next = random(seed);
      const flow = new Flow(bound, 30);
      const here = [1, 2, 3];
      let last = 3;
      const speed = new Map<number, number>();
      const enter = (session: number) => {
        // Some are twenty times as slow as others.
        speed.set(session, next() < 0.3 ? 0.05 : 1);
        flow.join(session, next() < 0.8 ? `w${session}:1` : '');
      };
      here.forEach(enter);
      flow.begin();
      for (let turns = 0; !flow.done && turns < 20_000; turns++) {
        const at = next();
        if (at < 0.01 && here.length > 0) flow.lose(here.splice(Math.floor(next() * here.length), 1)[0] as number);
        else if (at < 0.02 || here.length === 0) {
          here.push(++last);
          enter(last);
        } else if (at < 0.3 && flow.wanted) flow.answer();
        else if (at < 0.5 && flow.collects.length > 0) {
          flow.collects.sort(() => next() - 0.5);
          if (next() < 0.9) flow.arrive();
          else {
            const { member, item, node } = flow.collects.shift() as Effect<'collect'>;
            flow.give({ kind: 'missed', member, item, node, reason: 'cut' });
          }
        } else if (at < 0.7 && flow.applying) flow.apply();
        else {
          const session = here[Math.floor(next() * here.length)] as number;
          if (flow.computing.has(session) && next() < (speed.get(session) as number)) computeOrPush(flow, session);
          else flow.give({ kind: 'tick' });
        }
      }
      flow.expectWhole();
      expectWithin(flow, bound);
    }
  });
});

/** Where nobody can fetch a gradient it has arrived before the worker says so. */
function computeOrPush(flow: Flow, session: number): void {
  const member = flow.core.members.find((one) => one.session === session);
  const { item } = flow.computing.get(session) as Given;
  if (member?.address === '') flow.give({ kind: 'arrived', member: member.id, item, node: whole });
  flow.compute(session);
}

/** Among workers that were there from the beginning to the end nobody was further ahead than the bound and the update at hand. */
function expectWithin(flow: Flow, bound: number): void {
  const always = [1, 2, 3].filter((session) => flow.core.members.some((one) => one.session === session));
  const counts = new Map(always.map((session) => [session, 0]));
  const largest = flow.applied.map(({ by }) => {
    if (counts.has(by)) counts.set(by, (counts.get(by) as number) + 1);
    return Math.max(...counts.values()) - Math.min(...counts.values());
  });
  if (always.length > 0) expect(Math.max(...largest)).toBeLessThanOrEqual(bound + 1);
}
