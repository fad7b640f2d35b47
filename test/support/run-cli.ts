import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../packages/coordinator/bin/lockstep.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line in a process of its own. `onLine` sees stdout as it comes. */
export function lockstep(
  args: readonly string[],
  options: {
    cwd?: string;
    node?: string;
    input?: string;
    env?: Record<string, string>;
    onLine?: (line: string, child: ChildProcess) => void;
  } = {},
): Promise<CliResult> {
  const child = spawn(options.node ?? process.execPath, [bin, ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  let rest = '';
  child.stdin.end(options.input ?? '');
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    rest += chunk;
    for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n')) {
      options.onLine?.(rest.slice(0, at), child);
      rest = rest.slice(at + 1);
    }
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** A folder far from the repo, with no node_modules, that holds job files; removed with `using`. */
export class UserFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'lockstep-user-'));

  write(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A small job as a user would write it; `parts` replaces or adds options. */
export function jobText(parts: Record<string, string> = {}): string {
  const options: Record<string, string> = {
    name: "'user-job'",
    seed: '3',
    data: `() => ({ train: data.spirals({ perClass: 40 }), test: data.spirals({ perClass: 10, seed: 5 }) })`,
    model: '() => new Net()',
    batch: '{ size: 20 }',
    steps: '12',
    optimizer: 'optim.sgd({ lr: 0.1, momentum: 0.9 })',
    step: '({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) })',
    ...parts,
  };
  return `import { data, defineJob, loss, nn, ops, optim } from '@lockstep/core';
class Net extends nn.Module {
  hidden = new nn.Linear(2, 16);
  head = new nn.Linear(16, 3);
  forward(x) { return this.head.forward(this.hidden.forward(x).relu()); }
}
export default defineJob({
${Object.entries(options)
  .map(([key, value]) => `  ${key}: ${value},`)
  .join('\n')}
});
`;
}

/** A model of 6 times `width` parameters that is computed in no time: its sums and weights travel in chunks of 512 KiB. */
export const wideModel = (width: number): string => `() => new (class extends nn.Module {
  hidden = new nn.Linear(2, ${width});
  head = new nn.Linear(${width}, 3);
  forward(x) { return this.head.forward(this.hidden.forward(x).relu()); }
})()`;
