import type { RunEvent } from '../observe/events.ts';
import type { TrainResult } from '../train.ts';

/** What a person or a program sees of a run. */
export interface Reporter {
  event(event: RunEvent): void;
  /** A sentence to the person at the keyboard. */
  say(text: string): void;
  end(result: TrainResult, out: string): void;
  close(): void;
}
