/**
 * Writes docs/faults.md from test/faults/matrix.ts.
 *
 *   node scripts/fault-matrix.ts           writes
 *   node scripts/fault-matrix.ts --check   fails if the page is stale
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type FaultRow, faultMatrix } from '../test/faults/matrix.ts';

const page = fileURLToPath(new URL('../docs/faults.md', import.meta.url));

function row({ id, fault, expected, shownBy, missing }: FaultRow): string {
  const tests = shownBy.map(({ file, test }) => `[${test.replaceAll('|', '\\|')}](../${file})`);
  const shown = [...tests, ...(missing ? [`not shown: ${missing}`] : [])].join('<br>');
  return `| ${id} | ${fault} | ${expected} | ${shown} |`;
}

const text = `# Faults

What may happen to a run, what Lockstep does about it, and the tests that show it. "Same bits" means the digest of every step and of the
final weights is that of the undisturbed run on one thread. Made by \`node scripts/fault-matrix.ts\` from \`test/faults/matrix.ts\`, which
tests and \`npm run check:generated\` keep true.

| | fault | what happens | shown by |
|---|---|---|---|
${faultMatrix.map(row).join('\n')}

How it is done: [architecture.md](architecture.md) says how threads are replaced, [cluster-protocol.md](cluster-protocol.md) how workers are. A run's folder is
changed by the process that started last only (\`coordinator-NNNNNN.json\`), a file gets its name when all of it is on disk, and the journal is
on disk before the checkpoint that goes with it.
`;

if (process.argv.includes('--check')) {
  if (readFileSync(page, 'utf8') !== text) {
    console.error('docs/faults.md is stale: run node scripts/fault-matrix.ts.');
    process.exitCode = 1;
  }
} else writeFileSync(page, text);
