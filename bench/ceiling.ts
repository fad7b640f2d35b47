import { fileURLToPath } from 'node:url';
import { benchOptions } from './options.ts';
import { median } from './result-table.ts';
import { Subject } from './subject.ts';
import { machine, ratio, table } from './table.ts';
import { works } from './works.ts';

// What a second core is worth on this machine: one run of one thread alone, two such runs at once in processes of their own (which share
// nothing but memory, caches and power), and one run on two threads. `npm run bench:ceiling [-- WORK ...] [--windows N] [--ms N]`.

const { wanted, windows, ms } = benchOptions(5, 2000);
const path = fileURLToPath(new URL('lockstep-subject.ts', import.meta.url));
const start = (id: string, threads: number) => new Subject(process.execPath, [path, id, String(threads)]);

const rows: string[][] = [];
for (const { id, job } of works) {
  if (!job || (wanted.length > 0 && !wanted.includes(id))) continue;
  const subjects = [start(id, 1), start(id, 1), start(id, 2)] as const;
  for (const subject of subjects) await subject.ready();
  const [first, second, pair] = subjects;
  const speed = async (...of: Subject[]) =>
    (await Promise.all(of.map((subject) => subject.measure(ms)))).reduce((sum, { perSecond }) => sum + perSecond, 0);
  const found: { processes: number; threads: number }[] = [];
  for (let window = 0; window < windows; window++) {
    const alone = await speed(first);
    const both = await speed(first, second);
    const threads = await speed(pair);
    found.push({ processes: both / alone, threads: threads / alone });
  }
  for (const subject of subjects) subject.close();
  const processes = median(found.map((window) => window.processes));
  const threads = median(found.map((window) => window.threads));
  rows.push([id, ...[processes, threads, threads / processes].map(ratio)]);
}
console.log(
  [machine(), '', ...table(['work', 'two processes / one', 'two threads / one', 'threads / processes'], rows)].join(
    '\n',
  ),
);
