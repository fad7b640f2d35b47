import { SingleBar } from 'cli-progress';
import type { RunEvent, StartEvent } from '../observe/events.ts';
import type { TrainResult } from '../train.ts';
import { Crew } from './crew.ts';
import type { Meeting } from './meeting.ts';
import { Narrator, numberText, summary } from './narrator.ts';
import type { Reporter } from './reporter.ts';
import { WaitReminder } from './wait-reminder.ts';

/** Clears the live line. */
const clearLine = '\r\x1b[K';
/** The bar's line must not wrap, or drawing it again would leave pieces; other text must. */
const wrapOn = '\x1b[?7h';
const wrapOff = '\x1b[?7l';
/** The bar goes back to the saved place when it ends; without this it would end on top of what was written above it. */
const saveCursor = '\x1b7';

/** A live line at the bottom of the terminal; other events scroll above it. */
export class BarReporter implements Reporter {
  readonly #narrator: Narrator;
  readonly #crew: Crew;
  readonly #reminder: WaitReminder;
  #bar: SingleBar | undefined;
  #steps = 0;
  #waited = false;

  constructor(meeting: Meeting) {
    this.#narrator = new Narrator(meeting);
    this.#crew = new Crew(meeting);
    this.#reminder = new WaitReminder(meeting, (text) => this.say(text));
  }

  event(event: RunEvent): void {
    this.#reminder.event(event);
    const news = this.#crew.event(event);
    if (event.type === 'step') {
      const { step, loss, samplesPerSecond } = event;
      const shown = { loss: numberText(loss), rate: Math.round(samplesPerSecond), crew: this.#crew.text };
      // Time in which workers were waited for says nothing about the time that is left.
      if (this.#waited) this.#bar?.start(this.#steps, step, shown);
      else this.#bar?.update(step, shown);
      this.#waited = false;
      return;
    }
    if (event.type === 'warning' && event.waiting) this.#waited = true;
    const text = this.#narrator.text(event);
    if (text !== undefined) this.say(text);
    if (event.type === 'start') this.#start(event);
    else if (news) this.#bar?.update({ crew: this.#crew.text });
  }

  /** Above the live line, which draws itself again below. */
  say(text: string): void {
    process.stderr.write(this.#bar ? `${clearLine}${wrapOn}${text}\n${wrapOff}${saveCursor}` : `${text}\n`);
  }

  end(result: TrainResult, out: string): void {
    this.close();
    this.say(summary(result, out));
  }

  close(): void {
    this.#reminder.close();
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #start({ steps, fromStep }: StartEvent): void {
    this.#steps = steps;
    this.#bar = new SingleBar({
      format: '{bar} {value}/{total}  loss {loss}  {rate} samples/s  {crew}  {eta_formatted} left',
      stream: process.stderr,
      barsize: 24,
      etaBuffer: 200,
      clearOnComplete: true,
      hideCursor: true,
      noTTYOutput: false,
    });
    this.#bar.start(steps, fromStep, { loss: '-', rate: '-', crew: this.#crew.text });
  }
}
