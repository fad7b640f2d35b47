import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ClusterOptions, train } from '@lockstep/coordinator';
import { lockstepBin } from './time-run.ts';

export interface Outcome {
  /** On the test split, at the end. */
  readonly loss: number;
  /** That the coordinator sent to workers and received from them. */
  readonly bytes: number;
  /** Elements of a vector like the weights. */
  readonly parameters: number;
}

export interface OverWorkers {
  /** File of the job. */
  readonly job: string;
  readonly steps: number;
  readonly data: string | undefined;
  readonly cluster: ClusterOptions;
}

/** A run whose two workers join on loopback. */
export async function trainOverWorkers({ job, steps, data, cluster }: OverWorkers): Promise<Outcome> {
  const workers: ChildProcess[] = [];
  const run = train(job, {
    ...{ steps, threads: 0 },
    ...(data !== undefined && { data }),
    cluster: { ...cluster, listen: '127.0.0.1:0', minWorkers: 2 },
  });
  let bytes = Number.NaN;
  let parameters = Number.NaN;
  for await (const event of run) {
    if (event.type === 'start') {
      parameters = event.parameters;
      for (const name of ['a', 'b']) {
        const args = [lockstepBin, 'worker', '--join', event.address as string, '--threads', '1', '--name', name];
        workers.push(spawn(process.execPath, args, { stdio: 'ignore' }));
      }
    }
    if (event.type === 'done' && event.traffic) bytes = event.traffic.sentBytes + event.traffic.receivedBytes;
  }
  const { metrics, model } = await run.done;
  await model.close();
  await Promise.all(workers.map((worker) => worker.exitCode ?? once(worker, 'close')));
  return { loss: metrics.loss ?? Number.NaN, bytes, parameters };
}
