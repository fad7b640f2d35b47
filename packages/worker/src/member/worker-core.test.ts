import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { FromCoordinatorSchema, Mode, Placement, Reduce, WorkKind } from '../gen/lockstep/v1/training_pb.ts';
import type { WorkerEffect, WorkerInput, WorkerJob } from './effects.ts';
import { WorkerCore } from './worker-core.ts';

const introduction = {
  name: 'w',
  threads: 2,
  kernelsHash: 'k',
  numericsVersion: 1,
  release: '0',
  memoryLimitBytes: 1e9,
  address: 'w:1',
  dataKinds: [],
  instance: 'i',
};
const incarnation = 65_536;
type Message = Parameters<typeof create<typeof FromCoordinatorSchema>>[1] extends infer I
  ? Exclude<I, undefined> extends { message?: infer M }
    ? NonNullable<M>
    : never
  : never;

/** A worker whose driver is the test: every effect is looked at, every answer given by hand. */
class Bench {
  readonly core: WorkerCore;
  nowMs = 0;
  connection = 0;
  effects: WorkerEffect[] = [];

  constructor(address = introduction.address) {
    this.core = new WorkerCore({ ...introduction, address }, () => 0.5, 0);
  }

  give(input: WorkerInput): WorkerEffect[] {
    const effects = this.core.handle(this.nowMs, input);
    this.effects.push(...effects);
    return effects;
  }

  hear(term: number, message: Message): WorkerEffect[] {
    const { connection } = this;
    return this.give({ kind: 'received', connection, message: create(FromCoordinatorSchema, { term, message }) });
  }

  connect(): void {
    const dial = this.give({ kind: 'tick' }).find(({ kind }) => kind === 'dial') as { connection: number };
    this.connection = dial.connection;
    this.give({ kind: 'connected', connection: this.connection });
  }

  welcome(term: number, run = 'run', placement: Placement = Placement.WORKERS): WorkerEffect[] {
    const rest = { placement, mode: Mode.SYNC, reduce: Reduce.F32, leaseMs: 10_000, heartbeatMs: 1000 };
    return this.hear(term, { case: 'welcome', value: { run, member: 1, jobDigest: 'job', ...rest } });
  }

  /** Answers the last started job of a kind. */
  done(kind: WorkerJob['kind'], answer: (WorkerInput & { kind: 'done' })['answer'] = {}): WorkerEffect[] {
    const started = this.effects.filter((effect) => effect.kind === 'start' && effect.job.kind === kind);
    return this.give({ kind: 'done', id: (started.at(-1) as { id: number }).id, answer });
  }

  /** A member that holds the state after item 0. */
  join(term = incarnation, placement: Placement = Placement.WORKERS): void {
    this.connect();
    this.welcome(term, 'run', placement);
    this.done('prepare');
    if (placement !== Placement.WORKERS) return;
    this.hear(term, { case: 'adopt', value: { item: 0, address: '', reducedOnly: false } });
    this.done('loadState');
  }

  work(term: number, item: number, ranges: { lo: number; hi: number }[], owners = true): WorkerEffect[] {
    const owner = { member: 1, address: 'w:1', slice: { from: 0, to: 10 } };
    const share = { member: 1, address: 'w:1', ranges };
    const who = owners ? { owners: [owner], shares: [share] } : {};
    const value = { item, kind: WorkKind.TRAIN, samples: 8, ranges, parametersItem: item - 1, ...who };
    return this.hear(term, { case: 'work', value });
  }
}

const said = (effects: readonly WorkerEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message.message?.case] : []));
const started = (effects: readonly WorkerEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'start' ? [effect.job.kind] : []));
const kinds = (effects: readonly WorkerEffect[]) => effects.map(({ kind }) => kind);
const updated = {
  update: { digest: 'd', status: 0, statistics: new Uint8Array(), gradientNorm: 0, penalty: 0, gradientSquares: [] },
};
const all = [{ lo: 0, hi: 8 }];

test('from the first dial to an update', () => {
  const bench = new Bench();
  bench.connect();
  expect(said(bench.effects)).toEqual(['hello']);
  expect(kinds(bench.welcome(incarnation))).toEqual(['forget', 'start']);
  expect(said(bench.done('prepare'))).toEqual(['ready']);
  const adopt = bench.hear(incarnation, { case: 'adopt', value: { item: 0, address: 'x:1', reducedOnly: false } });
  expect(started(adopt)).toEqual(['loadState']);
  const adopted = bench.done('loadState', { digest: 'abc' });
  expect(said(adopted)).toEqual(['adopted']);
  expect(adopted).toMatchObject([{ message: { message: { value: { item: 0, digest: 'abc' } } } }]);
  expect(started(bench.work(incarnation, 1, all))).toEqual(['compute', 'exchange']);
  expect(said(bench.done('compute', { nodes: all, computeMs: 3 }))).toEqual(['computed']);
  expect(started(bench.done('exchange'))).toEqual(['update']);
  expect(said(bench.done('update', updated))).toEqual(['updated']);
  expect(kinds(bench.work(incarnation, 2, all))).toEqual(['drop', 'start', 'start']);
});

test('what will probably come next is fetched ahead, before anything is computed', () => {
  const bench = new Bench();
  bench.join();
  const upcoming = { item: 2, kind: WorkKind.TRAIN, step: 1, samples: 8, ranges: all };
  const effects = bench.hear(incarnation, {
    case: 'work',
    value: { item: 1, kind: WorkKind.TRAIN, samples: 8, ranges: all, parametersItem: 0, upcoming },
  });
  expect(kinds(effects).filter((kind) => kind === 'prefetch' || kind === 'start')).toEqual(['prefetch', 'start']);
  expect(effects.find(({ kind }) => kind === 'prefetch')).toMatchObject({ upcoming });
});

test('where the coordinator owns the parameters they are loaded first, and sums are pushed where nobody can pull', () => {
  const bench = new Bench('');
  bench.join(incarnation, Placement.COORDINATOR);
  expect(started(bench.work(incarnation, 1, [{ lo: 0, hi: 4 }], false))).toEqual(['loadParameters']);
  // A second part of the item waits for the same parameters.
  expect(started(bench.work(incarnation, 1, [{ lo: 4, hi: 6 }], false))).toEqual([]);
  expect(started(bench.done('loadParameters'))).toEqual(['compute', 'compute']);
  expect(started(bench.done('compute', { nodes: [{ lo: 4, hi: 6 }] }))).toEqual(['push']);
  expect(said(bench.done('push'))).toEqual(['computed']);
});

test('messages that come twice, or from before, change nothing', () => {
  const bench = new Bench();
  bench.join();
  bench.work(incarnation, 1, all);
  expect(kinds(bench.work(incarnation, 1, all))).toEqual(['refused']);
  const adopt = { case: 'adopt', value: { item: 0, address: '', reducedOnly: false } } as const;
  expect(kinds(bench.hear(incarnation, adopt))).toEqual(['refused']);
  expect(kinds(bench.welcome(incarnation))).toEqual(['refused']);
  bench.hear(incarnation + 1, { case: 'regroup', value: {} });
  expect(kinds(bench.hear(incarnation + 1, { case: 'regroup', value: {} }))).toEqual(['refused']);
  expect(kinds(bench.work(incarnation, 1, all))).toEqual(['refused']);
  expect(kinds(bench.give({ kind: 'done', id: 99, answer: {} }))).toEqual(['refused']);
});

test('a state that is being taken from somebody who is gone is taken from another one instead, once', () => {
  const bench = new Bench();
  bench.connect();
  bench.welcome(incarnation);
  bench.done('prepare');
  const from = (address: string) =>
    bench.hear(incarnation, { case: 'adopt', value: { item: 0, address, reducedOnly: false } });
  expect(started(from('x:1'))).toEqual(['loadState']);
  // Nothing was computed in between, so the term is the same.
  expect(kinds(from('y:1'))).toEqual(['cancel', 'start']);
  for (const again of ['x:1', 'y:1']) expect(kinds(from(again))).toEqual(['refused']);
  expect(said(bench.done('loadState'))).toEqual(['adopted']);
});

test('a Regroup stops the exchange, keeps what is computed, and the item begins again with what is missing', () => {
  const bench = new Bench();
  bench.join();
  bench.work(incarnation, 1, [{ lo: 0, hi: 4 }]);
  const effects = bench.hear(incarnation + 1, { case: 'regroup', value: {} });
  expect(kinds(effects)).toEqual(['cancel', 'send']);
  expect(effects.at(-1)).toMatchObject({
    message: { message: { value: { updatedItem: 0, item: 1, ranges: [{ lo: 0, hi: 4 }] } } },
  });
  expect(said(bench.done('compute', { nodes: [{ lo: 0, hi: 4 }] }))).toEqual(['computed']);
  expect(started(bench.work(incarnation + 1, 1, [{ lo: 4, hi: 8 }]))).toEqual(['compute', 'exchange']);
});

test('an update under way at a Regroup is finished first, and then reported as done', () => {
  const bench = new Bench();
  bench.join();
  bench.work(incarnation, 1, all);
  bench.done('compute', { nodes: all });
  bench.done('exchange');
  expect(bench.hear(incarnation + 1, { case: 'regroup', value: {} })).toEqual([]);
  const effects = bench.done('update', updated);
  expect(said(effects)).toEqual(['updated', 'regrouped']);
  expect(effects.at(-1)).toMatchObject({ message: { message: { value: { updatedItem: 1, item: 1 } } } });
  // It has them.
  const adopt = { case: 'adopt', value: { item: 1, address: 'x:1', reducedOnly: true } } as const;
  expect(kinds(bench.hear(incarnation + 1, adopt))).toEqual(['refused']);
});

test('a state that is here already is not taken again from somebody else', () => {
  const bench = new Bench();
  bench.join();
  const value = { item: 0, address: 'y:1', reducedOnly: false };
  expect(kinds(bench.hear(incarnation, { case: 'adopt', value }))).toEqual(['refused']);
  expect(started(bench.work(incarnation, 1, all))).toEqual(['compute', 'exchange']);
});

test('sums that somebody else has are taken from there', () => {
  const bench = new Bench();
  bench.join();
  bench.work(incarnation, 1, all);
  bench.hear(incarnation + 1, { case: 'regroup', value: {} });
  const adopt = { case: 'adopt', value: { item: 1, address: 'x:1', reducedOnly: true } } as const;
  expect(started(bench.hear(incarnation + 1, adopt))).toEqual(['loadReduced']);
  expect(started(bench.done('loadReduced'))).toEqual(['update']);
});

test('a coordinator that was replaced is refused; one of another run, or a later one, is followed', () => {
  const bench = new Bench();
  bench.join(2 * incarnation + 5);
  bench.give({ kind: 'disconnected', connection: bench.connection, reason: 'reset' });
  bench.nowMs += 1000;
  bench.connect();
  const hello = bench.effects.at(-1) as WorkerEffect & { kind: 'send' };
  expect(hello.message.message).toMatchObject({
    value: { run: 'run', highestTerm: 2 * incarnation + 5, jobDigest: 'job' },
  });
  expect(kinds(bench.welcome(incarnation + 9))).toEqual(['refused', 'hangUp']);
  bench.nowMs += 1000;
  bench.connect();
  // The job is still planned.
  const effects = bench.welcome(3 * incarnation);
  expect([kinds(effects), said(effects)]).toEqual([['forget', 'send'], ['ready']]);
  bench.give({ kind: 'disconnected', connection: bench.connection, reason: 'reset' });
  bench.nowMs += 1000;
  bench.connect();
  expect(kinds(bench.welcome(incarnation, 'another'))).toEqual(['forget', 'send']);
});

test('silence ends a stream, own stalls do not; heartbeats go out meanwhile', () => {
  const bench = new Bench();
  bench.join();
  for (let i = 0; i < 40; i++) {
    bench.nowMs += 50;
    bench.give({ kind: 'tick' });
  }
  expect(said(bench.effects).filter((message) => message === 'alive')).toHaveLength(2);
  // Stopped for a minute: what the coordinator said lies in the buffers.
  bench.nowMs += 60_000;
  expect(kinds(bench.give({ kind: 'tick' }))).not.toContain('hangUp');
  bench.effects = [];
  for (let i = 0; i < 420; i++) {
    bench.nowMs += 50;
    bench.give({ kind: 'tick' });
  }
  expect(kinds(bench.effects)).toContain('hangUp');
});

test('what fails for the network is tried again, and reported after a lease', () => {
  const bench = new Bench();
  bench.join();
  bench.work(incarnation, 1, all);
  let failed: unknown;
  for (let i = 0; i < 400 && !failed; i++) {
    const exchange = bench.effects.findLast(
      ({ kind, ...rest }) => kind === 'start' && (rest as { job: WorkerJob }).job.kind === 'exchange',
    );
    bench.give({
      kind: 'failed',
      id: (exchange as { id: number }).id,
      message: 'no answer',
      fault: 'network',
      member: 7,
    });
    bench.nowMs += 50;
    bench.hear(incarnation, { case: 'alive', value: {} });
    failed = bench.effects.find((effect) => effect.kind === 'send' && effect.message.message?.case === 'failed');
  }
  expect(failed).toMatchObject({ message: { message: { value: { unreachableMember: 7, jobAtFault: false } } } });
  expect(bench.nowMs).toBeGreaterThan(10_000);
});

test('samples of an item that is over may be gone: the next item ends the wait for them, and that is no failure', () => {
  const bench = new Bench();
  bench.join(incarnation, Placement.COORDINATOR);
  bench.work(incarnation, 1, [{ lo: 0, hi: 4 }], false);
  bench.done('loadParameters');
  const compute = bench.effects.findLast((effect) => effect.kind === 'start' && effect.job.kind === 'compute');
  const { id } = compute as { id: number };
  expect(bench.work(incarnation, 2, [{ lo: 0, hi: 4 }], false)).toContainEqual({ kind: 'cancel', id });
  bench.give({ kind: 'failed', id, message: 'item 1 is done and released', fault: 'network' });
  for (let ms = 0; ms < 12_000; ms += 100) {
    bench.nowMs += 100;
    bench.hear(incarnation, { case: 'alive', value: {} });
  }
  expect(said(bench.effects)).not.toContain('failed');
});

test('who leaves finishes what it does and goes when it may; who is away goes at once', () => {
  const bench = new Bench();
  bench.join();
  bench.work(incarnation, 1, all);
  expect(said(bench.give({ kind: 'leave', reason: 'SIGTERM' }))).toEqual(['leaving']);
  expect(said(bench.done('compute', { nodes: all }))).toEqual(['computed']);
  const finish = { case: 'finish', value: { reason: 'You asked.', comeBack: false } } as const;
  expect(kinds(bench.hear(incarnation, finish))).toEqual(['hangUp', 'cancel', 'end']);
  const away = new Bench();
  expect(kinds(away.give({ kind: 'leave', reason: 'SIGTERM' }))).toEqual(['end']);
});

test('after the end of a run it comes back for another', () => {
  const bench = new Bench();
  bench.join();
  bench.hear(incarnation, { case: 'finish', value: { reason: 'done', comeBack: true } });
  expect(bench.core.state.kind).toBe('away');
});

test('who cannot plan the job says so and waits to be turned away; where the network is at fault it dials again', () => {
  for (const [fault, what] of [
    ['machine', ['send']],
    ['network', ['hangUp']],
  ] as const) {
    const bench = new Bench();
    bench.connect();
    const start = bench.welcome(incarnation).find(({ kind }) => kind === 'start') as { id: number };
    expect(kinds(bench.give({ kind: 'failed', id: start.id, message: 'too little memory', fault }))).toEqual(what);
    expect(bench.core.state.kind).toBe(fault === 'machine' ? 'preparing' : 'away');
  }
});
