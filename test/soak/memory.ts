import { readFileSync } from 'node:fs';
import type { Process } from '../support/cluster.ts';

/** Memory of the process that lived longest, in MiB: when it was warm, the most after that, and at last. */
export interface MemoryReport {
  readonly seconds: number;
  readonly warm: number;
  readonly most: number;
  readonly last: number;
}

/** Until then heaps grow to what they need, in milliseconds. */
const warmUpMs = 20_000;
const betweenMs = 500;

/** `/proc/PID/statm` counts pages. */
const pageBytes = 4096;

interface Life {
  readonly sinceMs: number;
  readonly samples: { readonly ageMs: number; readonly mib: number }[];
}

/** Watches the resident memory of processes, where `/proc` tells it. */
export class MemoryWatch {
  readonly #lives = new Map<Process, Life>();
  #lastMs = 0;

  /** To be called often. */
  look(processes: readonly Process[]): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < betweenMs) return;
    this.#lastMs = nowMs;
    for (const process of processes) {
      const mib = residentMib(process);
      if (mib === undefined) continue;
      const life = this.#lives.get(process) ?? { sinceMs: nowMs, samples: [] };
      this.#lives.set(process, life);
      life.samples.push({ ageMs: nowMs - life.sinceMs, mib });
    }
  }

  /** Of the one that lived longest, where one outlived its warm-up. */
  get report(): MemoryReport | undefined {
    const lifeMs = ({ samples }: Life) => samples.at(-1)?.ageMs ?? 0;
    const longest = [...this.#lives.values()].reduce<Life | undefined>(
      (a, b) => (a && lifeMs(a) >= lifeMs(b) ? a : b),
      undefined,
    );
    const warm = longest?.samples.filter(({ ageMs }) => ageMs >= warmUpMs).map(({ mib }) => mib) ?? [];
    if (!longest || warm.length === 0) return undefined;
    return {
      seconds: lifeMs(longest) / 1000,
      warm: warm[0] as number,
      most: Math.max(...warm),
      last: warm.at(-1) as number,
    };
  }
}

/** Undefined where it is gone, or the system does not tell. */
function residentMib({ child }: Process): number | undefined {
  try {
    const [, pages] = readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ');
    return (Number(pages) * pageBytes) / 2 ** 20 || undefined;
  } catch {
    return undefined;
  }
}
