import { kernelsHash, LockstepError, numericsVersion, version } from '@lockstep/core/internal';
import {
  Board,
  type CoordinatorLink,
  type PiecesOfOthers,
  type PlannedJob,
  type Rescued,
  Tasks,
  WorkerHost,
} from '@lockstep/worker';
import type { EngineRequest } from '../engine/request.ts';

export interface OwnMemberOptions {
  readonly request: Pick<EngineRequest, 'threads' | 'kernels' | 'memoryLimitBytes' | 'mergeShards'>;
  readonly incarnation: number;
  readonly others: PiecesOfOthers;
  /** Where the coordinator, and with it this member, is reached. */
  readonly address: string;
  readonly link: CoordinatorLink;
  /** What it has in common with the coordinator; undefined where it has a replica of its own. */
  readonly shared: PlannedJob | undefined;
  readonly onRescue: (rescued: Rescued) => void;
  /** It cannot go on. */
  readonly failed: (error: Error) => void;
}

/** Between two parts of one process no connection is lost. */
const silently = {
  firstMs: Number.POSITIVE_INFINITY,
  giveUpMs: Number.POSITIVE_INFINITY,
  say: () => undefined,
  why: (reason: string) => Promise.resolve(reason),
};

/** The threads of the coordinator's process as a member like any other. */
export class OwnMember {
  readonly #tasks: Tasks;
  readonly #host: WorkerHost;
  #board = new Board();

  constructor({ request, incarnation, others, address, link, shared, onRescue, failed }: OwnMemberOptions) {
    const { threads, kernels, memoryLimitBytes: limitBytes, mergeShards } = request;
    const data = { dataRoot: undefined, ...(shared && { shared }) };
    this.#tasks = new Tasks(
      { others, coordinator: address, kernels, threads, limitBytes, mergeShards, onRescue, ...data },
      this.#board,
    );
    this.#host = new WorkerHost({
      introduction: {
        name: 'coordinator',
        threads,
        kernelsHash: kernelsHash(),
        numericsVersion,
        release: version,
        memoryLimitBytes: limitBytes,
        address,
        dataKinds: [],
        instance: `coordinator ${incarnation}`,
      },
      link,
      tasks: this.#tasks,
      newBoard: () => {
        this.#board = new Board();
        return this.#board;
      },
      contact: silently,
    });
    void this.#host.ended.then((end) => {
      if (end.how !== 'left') failed(new LockstepError(end.reason));
    });
  }

  /** What it has put up for others; another one for each run. */
  get board(): Board {
    return this.#board;
  }

  /** Uses the replica that it shares when nothing else does. */
  order<T>(work: () => Promise<T>): Promise<T> {
    return this.#tasks.order(work);
  }

  stop(reason: string): Promise<void> {
    return this.#host.stop(reason);
  }
}
