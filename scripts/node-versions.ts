import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../.cache/node/', import.meta.url));

/** Versions that the tests run on besides the repo's own; the oldest that `engines` allows of each line, or the newest known to work. */
const nodeVersions = { 22: '22.22.2', 24: '24.21.0', 26: '26.9.0' } as const;
type NodeMajor = keyof typeof nodeVersions;

/**
 * The path of a Node binary of that line, installed once from the npm registry into `.cache/`; undefined, with a word on stderr,
 * where the registry cannot be reached. The platform package holds the same binary as the package `node`, without install scripts.
 */
export function nodeBinary(major: NodeMajor, platform = `${process.platform}-${process.arch}`): string | undefined {
  const folder = join(cache, `${platform}-${nodeVersions[major]}`);
  const name = `node-${platform === 'win32-x64' ? 'win-x64' : platform}`;
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  if (existsSync(binary)) return binary;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const args = [
      'install',
      '--force',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      `${name}@${nodeVersions[major]}`,
    ];
    execFileSync('npm', args, { cwd: folder, stdio: 'pipe' });
  } catch (error) {
    console.error(`Node ${major} for ${platform} is not available: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
  return existsSync(binary) ? binary : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(nodeBinary(Number(process.argv[2]) as NodeMajor, process.argv[3]));
