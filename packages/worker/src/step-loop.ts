import type { Kernels } from '@lockstep/core/kernels';
import { awaitChange, meet, poison } from './barrier.ts';
import { controlBytes, controlWord } from './control-block.ts';
import { progressWord, restOfUpdate, undoKept } from './memory/progress.ts';
import { slotKind, slotWord, stepStatus } from './memory/slot.ts';
import { stagesDoneWord } from './memory/stages.ts';
import type { EvaluateTapes, TapeRange, ThreadScript, TrainTapes, UpdateTapes } from './thread-script.ts';

/** Where threads go on after one of them died. */
export interface ResumePoint {
  /** The oldest slot that is not answered. */
  readonly slot: number;
  /** Whether a thread had begun to change parameters for it: then all sums are there, and the update is finished; else the slot is computed again. */
  readonly updating: boolean;
}

/**
 * The compute thread: takes slot after slot from the ring until it is told to stop. Between the barriers it only replays
 * tapes; all numbers are integers, so nothing is allocated.
 */
export class StepLoop {
  readonly #script: ThreadScript;
  readonly #kernels: Kernels;
  readonly #words: Int32Array;
  readonly #control: Int32Array;
  readonly #crowded: boolean;
  readonly #probeAt: number;
  #next = 0;
  /** Heap of this thread when slot `heapProbeAt` came, 0 before. */
  heapAtProbeBytes = 0;

  readonly #progress: number;

  /** @param heapProbeAt slot at which the heap is measured once, for the test that the loop makes no garbage; -1 = never */
  constructor(script: ThreadScript, kernels: Kernels, memory: WebAssembly.Memory, cores: number, heapProbeAt = -1) {
    this.#script = script;
    this.#kernels = kernels;
    this.#words = new Int32Array(memory.buffer);
    this.#control = new Int32Array(memory.buffer, script.control, controlBytes / 4);
    this.#crowded = script.threads > cores;
    this.#probeAt = heapProbeAt;
    this.#progress = script.progress >>> 2;
  }

  /** Returns when told to stop, or when the run cannot go on. If it throws, the others are let go. */
  run(resume?: ResumePoint): void {
    try {
      if (!resume || (resume.slot === 0 && !resume.updating)) this.#replay(this.#script.firstHash);
      this.#next = resume?.slot ?? 0;
      if (resume?.updating && !this.#finishUpdate()) return;
      while (this.#takeSlot());
    } catch (error) {
      poison(this.#control);
      throw error;
    }
  }

  #takeSlot(): boolean {
    const control = this.#control;
    if (Atomics.load(control, controlWord.filled) === this.#next) {
      awaitChange(control, controlWord.filled, this.#next, this.#crowded);
    }
    if (Atomics.load(control, controlWord.poisoned) !== 0) return false;
    if (this.#next === this.#probeAt) this.heapAtProbeBytes = process.memoryUsage().heapUsed;
    const slot = this.#next++ % this.#script.slots.length;
    this.#words[this.#progress + progressWord.unit] = 0;
    this.#words[this.#progress + progressWord.taken] = this.#next;
    const header = (this.#script.slots[slot] as number) >>> 2;
    const binding = this.#words[header + slotWord.binding] as number;
    switch (this.#words[header + slotWord.kind]) {
      case slotKind.train:
        return this.#train(this.#words[header + slotWord.phase] as number, binding, slot, header);
      case slotKind.evaluate:
        return this.#evaluate(this.#script.evaluate[binding] as EvaluateTapes, slot, header);
      case slotKind.snapshot:
        this.#replay(this.#script.snapshot);
        return this.#meet() && this.#answer(header, stepStatus.updated);
      case slotKind.compute:
        return this.#computeRanges(header);
      case slotKind.update: {
        const phase = this.#words[header + slotWord.phase] as number;
        return this.#update(phase, this.#script.updates[phase] as UpdateTapes, slot, header);
      }
      case slotKind.load:
        this.#replay(this.#script.firstHash);
        return this.#meet() && this.#digest(slot) && this.#answer(header, stepStatus.updated);
      default:
        return false;
    }
  }

  #train(phase: number, binding: number, slot: number, header: number): boolean {
    const tapes = this.#script.train[phase]?.[binding] as TrainTapes;
    this.#compute(tapes.compute[slot] as TapeRange);
    if (!this.#meet()) return false;
    if (this.#foundBadIndex()) return this.#giveUp(header, stepStatus.badIndex);
    return this.#update(phase, tapes, slot, header);
  }

  #update(phase: number, tapes: UpdateTapes, slot: number, header: number): boolean {
    this.#replay(tapes.fold);
    if (!this.#meet()) return false;
    // Every thread decides by itself, from the same numbers.
    this.#replay(tapes.decide);
    const status = this.#words[this.#script.status >>> 2] as number;
    if (status === stepStatus.updated) {
      this.#replay(this.#script.hyper[phase]?.[slot] as TapeRange);
      this.#replay(tapes.update);
    }
    return this.#conclude(status, tapes, slot, header);
  }

  /** The rest of the update of the slot at which threads died. Who is further on waits for the others. */
  #finishUpdate(): boolean {
    const words = this.#words;
    const taken = words[this.#progress + progressWord.taken] as number;
    const slot = this.#next++ % this.#script.slots.length;
    const header = (this.#script.slots[slot] as number) >>> 2;
    const phase = words[header + slotWord.phase] as number;
    const trained = words[header + slotWord.kind] === slotKind.train;
    const binding = words[header + slotWord.binding] as number;
    const tapes = (trained ? this.#script.train[phase]?.[binding] : this.#script.updates[phase]) as UpdateTapes;
    const hyper = this.#script.hyper[phase]?.[slot] as TapeRange;
    this.#replay(tapes.decide);
    const status = words[this.#script.status >>> 2] as number;
    if (status === stepStatus.updated && taken === this.#next) {
      const begun = words[this.#progress + progressWord.unit] !== 0;
      if (!begun || undoKept(words, this.#script, hyper)) this.#replay(hyper);
      for (const tape of restOfUpdate(words, this.#script, tapes.update)) this.#replay(tape);
    }
    return this.#conclude(status, tapes, slot, header);
  }

  #conclude(status: number, tapes: UpdateTapes, slot: number, header: number): boolean {
    // Before the barrier: behind it, the next step may overwrite the sums.
    if (this.#script.thread === 0) this.#replay(tapes.report[slot] as TapeRange);
    if (!this.#meet()) return false;
    this.#digest(slot);
    if (status === stepStatus.notFinite && this.#script.stopAtNonFinite) return this.#giveUp(header, status);
    return this.#answer(header, status);
  }

  /** Always true. */
  #digest(slot: number): boolean {
    if (this.#script.thread === 0) this.#replay(this.#script.digest[slot] as TapeRange);
    return true;
  }

  /** Shards stage by stage as the words at `ranges` say, then what is left of the sums over the threads' parts. */
  #computeRanges(header: number): boolean {
    const at = this.#script.ranges >>> 2;
    const last = at + 1 + 4 * ((this.#words[at] as number) - 1);
    for (let stage = at + 1; stage < last; stage += 4) {
      this.#computeFrom(this.#words[stage] as number, this.#words[stage + 1] as number);
      this.#endStage((stage - at - 1) >> 2, stage);
    }
    this.#computeFrom(this.#words[last] as number, this.#words[last + 1] as number);
    if (!this.#meet()) return false;
    if (this.#foundBadIndex()) return this.#giveUp(header, stepStatus.badIndex);
    this.#replayFrom(this.#words[last + 2] as number, this.#words[last + 3] as number);
    return this.#meet() && this.#answer(header, stepStatus.updated);
  }

  /**
   * The last thread to come adds up what is final now, while the others go on, and says so. It comes to the end of the next stage after that,
   * so stages are done in order.
   */
  #endStage(stage: number, at: number): void {
    const counters = this.#script.stages >>> 2;
    if (Atomics.add(this.#words, counters + stage, 1) < this.#script.threads - 1) return;
    Atomics.store(this.#words, counters + stage, 0);
    if (this.#foundBadIndex()) return;
    this.#replayFrom(this.#words[at + 2] as number, this.#words[at + 3] as number);
    Atomics.add(this.#words, counters + stagesDoneWord, 1);
    Atomics.notify(this.#words, counters + stagesDoneWord);
  }

  #evaluate(tapes: EvaluateTapes, slot: number, header: number): boolean {
    this.#compute(tapes.compute[slot] as TapeRange);
    if (!this.#meet()) return false;
    if (this.#foundBadIndex()) return this.#giveUp(header, stepStatus.badIndex);
    if (this.#script.thread === 0) this.#replay(tapes.report[slot] as TapeRange);
    return this.#meet() && this.#answer(header, stepStatus.updated);
  }

  #compute({ from, to }: TapeRange): void {
    this.#computeFrom(from, to);
  }

  #computeFrom(from: number, to: number): void {
    this.#replayFrom(from, to);
    if (this.#words[this.#script.errorFlag >>> 2] !== 0) Atomics.store(this.#control, controlWord.badIndex, 1);
  }

  #foundBadIndex(): boolean {
    return Atomics.load(this.#control, controlWord.badIndex) !== 0;
  }

  /** Thread 0 tells the engine, and wakes it where it wants no more answers than there are; always true. */
  #answer(header: number, status: number): boolean {
    if (this.#script.thread === 0) {
      const control = this.#control;
      this.#words[header + slotWord.status] = status;
      const answers = Atomics.add(control, controlWord.drained, 1) + 1;
      if (answers >= Atomics.load(control, controlWord.wanted)) Atomics.notify(control, controlWord.drained);
    }
    return true;
  }

  /** All threads come to the same decision and leave. */
  #giveUp(header: number, status: number): boolean {
    this.#answer(header, status);
    Atomics.notify(this.#control, controlWord.drained);
    return false;
  }

  #meet(): boolean {
    return this.#script.threads === 1 || meet(this.#control, this.#script.threads, this.#crowded);
  }

  #replay({ from, to }: TapeRange): void {
    this.#replayFrom(from, to);
  }

  #replayFrom(from: number, to: number): void {
    if (from !== to) this.#kernels.run(from, to);
  }
}
