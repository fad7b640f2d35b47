import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a contender answers to a window. */
export interface WindowResult {
  readonly perSecond: number;
  /** Most memory it has held so far. */
  readonly peakMiB: number;
}

/**
 * A contender in a process of its own. It says `{ "ready": "name and version" }` on stdout when its first steps are done (or
 * `{ "cannot": "why" }`); then each line on stdin is the milliseconds of a window, and it answers with a `WindowResult`. So all of a
 * work's contenders stay warm while their windows take turns.
 */
export class Subject {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.once('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  }

  /** Its name and version; throws where it cannot do the work. */
  async ready(): Promise<string> {
    const answer = await this.#answer<{ ready?: string; cannot?: string }>();
    if (answer.ready === undefined) throw new Error(answer.cannot ?? 'it ended before it was ready');
    return answer.ready;
  }

  async measure(ms: number): Promise<WindowResult> {
    this.#child.stdin?.write(`${ms}\n`);
    return this.#answer();
  }

  close(): void {
    this.#child.stdin?.end();
    this.#child.kill();
  }

  async #answer<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (done) return {} as T;
    return JSON.parse(value) as T;
  }
}
