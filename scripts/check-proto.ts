import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The messages keep to buf's rules, and their checked-in code is what protoc-gen-es makes of them. Needs no network.

const root = fileURLToPath(new URL('..', import.meta.url));
const buf = (...args: string[]) => execFileSync('buf', args, { cwd: root, stdio: 'inherit' });

const filesIn = (folder: string): Map<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]),
  );

buf('lint');
const out = mkdtempSync(join(tmpdir(), 'lockstep-proto-'));
try {
  buf('generate', '--output', out);
  const made = filesIn(join(out, 'packages/worker/src/gen'));
  const kept = filesIn(join(root, 'packages/worker/src/gen'));
  const stale = [...new Set([...made.keys(), ...kept.keys()])].filter((file) => made.get(file) !== kept.get(file));
  if (stale.length > 0) {
    console.error(
      `Not what \`npm run proto\` makes: ${stale.map((file) => `packages/worker/src/gen${file}`).join(', ')}`,
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
