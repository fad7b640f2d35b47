import { fromBinary } from '@bufbuild/protobuf';
import { train } from '@lockstep/coordinator';
import { type FinalPart, Replica, runWorker } from '@lockstep/worker';
import { PullRequestSchema } from '@lockstep/worker/messages';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../support/cluster.ts';
import { jobs } from '../support/jobs.ts';
import { messageProxy } from '../support/message-proxy.ts';

// A model large enough that parts of its gradient leave while the rest is computed, whole numbers and halves of them. What a worker computes is
// kept back from it until somebody has fetched a part: were parts to leave only afterwards, nobody would ever go on.

const steps = 4;

const { compute } = Replica.prototype;
afterEach(() => {
  Replica.prototype.compute = compute;
});

/** Items of which a part of somebody's sums has left; items are steps here, from 1. */
class Departures {
  readonly #gates = new Map<number, PromiseWithResolvers<void>>();
  /** Computes that were kept back until something of their item had left. */
  kept = 0;

  readonly answering = (path: string, request: Uint8Array): void => {
    const piece = path.endsWith('/Pull') ? fromBinary(PullRequestSchema, request).piece?.piece : undefined;
    if (piece?.case === 'node') this.#gate(piece.value.item).resolve();
  };

  /** Keeps back what was computed, where it has told before of enough that the first chunks of the last slices could leave. */
  watch(): void {
    const departures = this;
    Replica.prototype.compute = async function (request, onFinal) {
      const told: FinalPart['slices'][number][] = [];
      let length = 0;
      const hear = (part: FinalPart) => {
        told.push(...part.slices);
        length = part.nodes[0]?.values.length ?? 0;
        onFinal?.(part);
      };
      const computed = await compute.call(this, request, onFinal && hear);
      if (request.kind !== 'train' || !(hasFirstChunk(told, length, 1) && hasFirstChunk(told, length, 2)))
        return computed;
      departures.kept++;
      await departures.#gate(request.step + 1).promise;
      return computed;
    };
  }

  #gate(item: number): PromiseWithResolvers<void> {
    const gate = this.#gates.get(item) ?? Promise.withResolvers<void>();
    this.#gates.set(item, gate);
    return gate;
  }
}

/** Elements of a chunk of 512 KiB, where each takes two bytes. */
const chunkElements = 2 ** 18;

/** Whether these slices cover the first chunk of the `third` third of the vector. */
function hasFirstChunk(slices: FinalPart['slices'], length: number, third: number): boolean {
  const end = Math.min(Math.ceil((length * third) / 3) + chunkElements, Math.floor((length * (third + 1)) / 3));
  let reached = Math.floor((length * third) / 3);
  for (const { from, to } of slices.toSorted((a, b) => a.from - b.from))
    if (from <= reached) reached = Math.max(reached, to);
  return length > 0 && reached >= end;
}

test.each(['f32', 'bf16'] as const)(
  '%s: slices leave during the backward pass, and give the digest of one machine',
  async (reduce) => {
    const { digest: alone, model: first } = await train(jobs.gpt, { steps, reduce }).done;
    await first.close();
    const departures = new Departures();
    departures.watch();
    await using stack = new AsyncDisposableStack();
    // Nobody is to be lost, however busy the machine is.
    const cluster = { listen: '127.0.0.1:0', minWorkers: 3, placement: 'workers', leaseMs: 120_000 } as const;
    await using run = train(jobs.gpt, { threads: 0, steps, reduce, cluster });
    const join = async (name: string, address: string) => {
      const port = await freePort();
      const proxy = await messageProxy(port, {}, 1, departures);
      stack.defer(() => proxy.close());
      return runWorker({
        ...{ name, threads: 1, join: address, security: {}, insecure: false, widen: true },
        ...{ listen: `127.0.0.1:${port}`, advertise: `127.0.0.1:${proxy.port}` },
        memoryLimitBytes: 2 ** 31,
        firstContactMs: 10_000,
        say: () => undefined,
        signal: new AbortController().signal,
      });
    };
    const workers: Promise<string>[] = [];
    for await (const event of run) {
      if (event.type === 'start') workers.push(...['a', 'b', 'c'].map((name) => join(name, event.address as string)));
      expect(event.type).not.toBe('worker-lost');
    }
    const { digest, model } = await run.done;
    await model.close();
    await Promise.all(workers);
    expect(digest).toBe(alone);
    expect(departures.kept).toBeGreaterThanOrEqual(2 * steps);
  },
);
