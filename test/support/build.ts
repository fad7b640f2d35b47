import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Before any test: what is tested is what is published, so it has to be current. */
export default function build(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b'], { cwd: root, stdio: 'inherit' });
}
