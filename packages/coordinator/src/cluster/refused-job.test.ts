import { data, defineJob, loss, nn, optim } from '@lockstep/core';
import { type JobSpec, traceJob } from '@lockstep/core/internal';
import { Board, bytesSource, encodeJob, jobDigest, PiecesOfOthers, pieces, Tasks, WorkerHost } from '@lockstep/worker';
import { expect, test } from 'vitest';
import { ClusterDriver, type DriverHooks } from './cluster-driver.ts';

// From the bytes of a job that no worker should take to what both sides say of it.

const { spec } = await traceJob(
  defineJob({
    name: 'odd',
    seed: 1,
    data: () => ({ train: data.spirals({ perClass: 8 }), test: data.spirals({ perClass: 4, seed: 2 }) }),
    model: () => new nn.Linear(2, 3),
    batch: { size: 8, shards: 2 },
    steps: 2,
    optimizer: optim.sgd({ lr: 0.1 }),
    step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
  }),
);

const here = 'here:0';
const unused = () => Promise.reject(new Error('unused'));

/** What becomes of a worker that is welcomed with this job: how it ends, and what the coordinator was told. */
async function welcomedWith(job: JobSpec) {
  const bytes = encodeJob({ spec: job, train: undefined, test: undefined });
  const board = new Board();
  board.publish(pieces.job(), bytesSource(bytes));
  board.moveTerm(65_536);
  const turnedAway: string[] = [];
  const driver = new ClusterDriver(
    {
      ...{
        run: 'r',
        incarnation: 1,
        jobDigest: jobDigest(bytes),
        placement: 'coordinator',
        mode: 'sync',
        reduce: 'f32',
      },
      ...{ shards: 2, leaseMs: 60_000, heartbeatMs: 6000, minWorkers: 1, staleness: 0, compression: '' },
      admit: () => undefined,
    },
    {
      sending: (_, message) => message,
      turnedAway: (reason) => turnedAway.push(reason),
      ...{ collect: unused, reduced: unused, apply: unused, want: unused, reach: unused },
      ...{ committed() {}, keep() {}, event() {}, checkFence() {}, refused() {} },
    } satisfies DriverHooks,
  );
  const others = new PiecesOfOthers({
    ...{ security: {}, coordinator: here, own: here, board: () => board, traffic: { received: 0 } },
    leaseMs: () => 60_000,
  });
  const rest = { threads: 1, limitBytes: 2 ** 20, mergeShards: true, onRescue() {}, dataRoot: undefined };
  const tasks = new Tasks({ others, coordinator: here, kernels: undefined as never, ...rest }, new Board());
  const host = new WorkerHost({
    introduction: {
      ...{ name: 'w', threads: 1, kernelsHash: '', numericsVersion: 1, release: '', memoryLimitBytes: 2 ** 20 },
      ...{ address: '', dataKinds: [], instance: 'i' },
    },
    link: driver.sessions.link,
    tasks,
    newBoard: () => new Board(),
    contact: { firstMs: 60_000, giveUpMs: 60_000, say() {}, why: async (reason) => reason },
  });
  const end = await host.ended;
  driver.close('over', false);
  await tasks.close();
  return { end, turnedAway };
}

/** What comes over the wire keeps to no type. */
// biome-ignore lint/suspicious/noExplicitAny: what is changed is no Program any more
function changed(change: (spec: any) => void): JobSpec {
  const copy = structuredClone(spec);
  change(copy);
  return copy;
}

test.each<[string, JobSpec, RegExp]>([
  [
    'an op that is not known',
    changed(({ phases }) => Object.assign(phases[0].program.nodes[1], { op: 'system' })),
    /system/,
  ],
  [
    'a shape that is negative',
    changed(({ layout }) => Object.assign(layout.entries[0].shape, { 0: -2 })),
    /a size is -2/,
  ],
  ['more memory than allowed', changed(({ batch }) => Object.assign(batch, { size: 2 ** 24 })), /odd/],
])('a job with %s: the worker is turned away for good, and the coordinator is told', async (_, job, why) => {
  const { end, turnedAway } = await welcomedWith(job);
  expect(end.how).toBe('refused');
  expect(end.reason).toMatch(/^Worker w cannot run this job: /);
  expect(end.reason).toMatch(why);
  expect(turnedAway).toEqual([end.reason]);
});
