import { fileURLToPath } from 'node:url';
import { nodeBinary } from '../scripts/node-versions.ts';
import { benchOptions } from './options.ts';
import { median } from './result-table.ts';
import { takeTurns } from './steady.ts';
import { Subject } from './subject.ts';
import { machine, ratio, table } from './table.ts';
import { works } from './works.ts';

// `npm run bench:builds [-- WORK ...]`: what it costs where V8 cannot widen the kernels' vectors: the plain build on this Node, and Node 22, which
// never widens. The bits are the same. One thread.

const { wanted, windows, ms: windowMs } = benchOptions(3, 700);
const subject = fileURLToPath(new URL('./lockstep-subject.ts', import.meta.url));

interface Build {
  readonly label: string;
  readonly node: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

const builds: readonly Build[] = [
  { label: `Node ${process.versions.node}`, node: process.execPath },
  { label: `Node ${process.versions.node}, not widened`, node: process.execPath, env: { LOCKSTEP_WIDEN: '0' } },
  { label: 'Node 22', node: nodeBinary(22) },
];

const rows: string[][] = [];
for (const { id } of works) {
  if (wanted.length > 0 && !wanted.includes(id)) continue;
  const opened = builds.map(({ label, node, env }) => ({
    label,
    subject: node === undefined ? undefined : new Subject(node, [subject, id, '1'], env),
  }));
  for (const { subject } of opened) await subject?.ready();
  const results = await takeTurns(
    opened.map(({ label, subject }) => ({
      label,
      measure: async () => (subject ? (await subject.measure(windowMs)).perSecond : Number.NaN),
    })),
    windows,
  );
  for (const { subject } of opened) subject?.close();
  const own = median(results.get(builds[0]?.label ?? '') ?? []);
  rows.push([
    id,
    ...builds.map(({ label, node }) => (node ? ratio(median(results.get(label) ?? []) / own) : 'not available')),
  ]);
}
console.log(
  [
    `Speed on one thread as a part of the first column's. ${machine()}`,
    '',
    ...table(['', ...builds.map(({ label }) => label)], rows),
  ].join('\n'),
);
