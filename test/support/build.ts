import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Before any test: what is tested is what is published, so it has to be current. */
export default function build(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  for (const command of [['node_modules/typescript/bin/tsc', '-b'], ['scripts/bundle.ts']])
    execFileSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
}
