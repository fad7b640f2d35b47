import type { RunEvent } from '../observe/events.ts';
import { BarReporter } from './bar-reporter.ts';
import { LineReporter } from './line-reporter.ts';
import type { Meeting } from './meeting.ts';
import type { Reporter } from './reporter.ts';

/** @param meeting what workers need to join, for people to read */
export function reporterFor(json: boolean, meeting: Meeting = {}): Reporter {
  if (json) return new JsonReporter();
  return process.stderr.isTTY ? new BarReporter(meeting) : new LineReporter(meeting);
}

/** One event per line on stdout, nothing else. */
class JsonReporter implements Reporter {
  event(event: RunEvent): void {
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }
  end(): void {}
  close(): void {}
}
