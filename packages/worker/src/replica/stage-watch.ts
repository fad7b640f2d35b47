import type { Slice } from '../memory/block-slices.ts';
import { type Stage, stagesDoneWord } from '../memory/stages.ts';

/** Sees from outside the compute threads which stages of a compute are done. */
export class StageWatch {
  readonly #words: Int32Array;

  /** @param stages the words `ThreadScript.stages` */
  constructor(buffer: ArrayBufferLike, stages: number) {
    this.#words = new Int32Array(buffer, stages, stagesDoneWord + 1);
  }

  /** Stages that are done of the compute that is watched. */
  get done(): number {
    return Atomics.load(this.#words, stagesDoneWord);
  }

  /** To be called before the threads begin; `end` when they are done, which throws what `tell` threw. The last stage is not told: all is done with it. */
  watch(stages: readonly Stage[], tell: (slices: readonly Slice[]) => void): { end(): void } {
    const words = this.#words;
    Atomics.store(words, stagesDoneWord, 0);
    let told = 0;
    let ended = false;
    const tellNew = (): void => {
      const done = Atomics.load(words, stagesDoneWord);
      while (told < done) tell((stages[told++] as Stage).slices);
    };
    const follow = async (): Promise<void> => {
      while (!ended && told < stages.length - 1) {
        const wait = Atomics.waitAsync(words, stagesDoneWord, told);
        if (wait.async) await wait.value;
        if (!ended) tellNew();
      }
    };
    let failure: { readonly error: unknown } | undefined;
    follow().catch((error: unknown) => {
      failure = { error };
    });
    return {
      end: () => {
        ended = true;
        Atomics.notify(words, stagesDoneWord);
        if (failure) throw failure.error;
        tellNew();
      },
    };
  }
}
