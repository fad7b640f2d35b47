import type { RunEvent, StepEvent } from '../observe/events.ts';
import type { TrainResult } from '../train.ts';
import { Crew } from './crew.ts';
import type { Meeting } from './meeting.ts';
import { Narrator, numberText, summary } from './narrator.ts';
import type { Reporter } from './reporter.ts';
import { WaitReminder } from './wait-reminder.ts';

/** Often enough to see that it lives, seldom enough for a log. */
const lineIntervalMs = 5000;

/** Without a terminal: a plain line every few seconds. */
export class LineReporter implements Reporter {
  readonly #narrator: Narrator;
  readonly #crew: Crew;
  readonly #reminder: WaitReminder;
  #steps = 0;
  /** From where the pace is measured: the last step before which nobody was waited for. */
  #base: { readonly step: number; readonly ms: number } | undefined;
  #lastMs = performance.now();

  constructor(meeting: Meeting) {
    this.#narrator = new Narrator(meeting);
    this.#crew = new Crew(meeting);
    this.#reminder = new WaitReminder(meeting, (text) => this.say(text));
  }

  event(event: RunEvent): void {
    this.#reminder.event(event);
    this.#crew.event(event);
    if (event.type === 'start') {
      this.#steps = event.steps;
      this.#base = { step: event.fromStep, ms: performance.now() };
    } else if (event.type === 'warning' && event.waiting) this.#base = undefined;
    if (event.type === 'step') this.#step(event);
    const text = this.#narrator.text(event);
    if (text !== undefined) this.say(text);
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  end(result: TrainResult, out: string): void {
    this.say(summary(result, out));
  }

  close(): void {
    this.#reminder.close();
  }

  #step({ step, loss, samplesPerSecond }: StepEvent): void {
    const nowMs = performance.now();
    this.#base ??= { step, ms: nowMs };
    if (nowMs - this.#lastMs < lineIntervalMs) return;
    this.#lastMs = nowMs;
    const { step: first, ms } = this.#base;
    const left = step > first ? ((nowMs - ms) / 1000 / (step - first)) * (this.#steps - step) : undefined;
    this.say(
      `step ${step}/${this.#steps}  loss ${numberText(loss)}  ${Math.round(samplesPerSecond)} samples/s  ${this.#crew.text}` +
        (left === undefined ? '' : `  ${durationText(left)} left`),
    );
  }
}

/** `45 s`, `3 min`, `2.5 h`. */
export function durationText(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
