import type { Welcome } from '../gen/lockstep/v1/training_pb.ts';
import type { Failure, Jobs } from './jobs.ts';

interface Waiting {
  readonly ready: () => void;
  readonly failed: (failure: Failure) => void;
}

/** The job that is planned. It outlives streams: a worker that comes back with it can begin at once. */
export class Planning {
  readonly #jobs: Jobs;
  /** Digest of the job that is planned; empty = none. */
  planned = '';
  #underWay = '';
  /** The session that waits for it; of several the last. */
  #waiting: Waiting | undefined;

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
  }

  prepare({ run, jobDigest }: Welcome, term: number, ready: Waiting['ready'], failed: Waiting['failed']): void {
    if (this.planned === jobDigest) {
      ready();
      return;
    }
    this.#waiting = { ready, failed };
    if (this.#underWay === jobDigest) return;
    this.planned = '';
    this.#underWay = jobDigest;
    this.#jobs.start(
      { kind: 'prepare', run, term, jobDigest },
      () => {
        if (this.#underWay !== jobDigest) return;
        this.#underWay = '';
        this.planned = jobDigest;
        this.#waiting?.ready();
      },
      (failure) => {
        if (this.#underWay !== jobDigest) return;
        this.#underWay = '';
        this.#waiting?.failed(failure);
      },
    );
  }
}
