import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeKernels, loadKernelModule } from '@lockstep/core/internal';
import { type Contender, contenders } from './contenders.ts';
import { microKernelPeak } from './micro-kernel.ts';
import { phaseTable } from './phase-table.ts';
import { type Figure, median, resultTable } from './result-table.ts';
import type { Subject } from './subject.ts';
import { type Work, works } from './works.ts';

// `npm run bench [-- WORK ...]`: every contender's median over several windows that take turns, printed and, for a whole run, written to
// bench/RESULTS.md. `--windows N`, `--ms N` and `--only LABEL` (part of a contender's label, may be repeated) make it shorter.

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    windows: { type: 'string', default: '5' },
    ms: { type: 'string', default: '1500' },
    only: { type: 'string', multiple: true, default: [] },
    write: { type: 'boolean', default: false },
  },
});
const [windows, windowMs] = [Number(options.windows), Number(options.ms)];
const chosenContenders = contenders.filter(
  ({ label }) => options.only.length === 0 || options.only.some((part) => label.includes(part)),
);
const whole = wanted.length === 0 && options.only.length === 0;

async function open(
  contender: Contender,
  work: Work,
): Promise<{ contender: Contender; subject: Subject; name: string } | string> {
  if (contender.missing) return contender.missing;
  const subject = contender.start(work);
  try {
    return { contender, subject, name: await subject.ready() };
  } catch (error) {
    subject.close();
    return (error as Error).message;
  }
}

async function measure(work: Work): Promise<Figure[]> {
  const opened = await Promise.all(chosenContenders.map((contender) => open(contender, work)));
  const figures = opened.map((entry, i): Figure & { values: number[] } => ({
    label: chosenContenders[i]?.label as string,
    absent: typeof entry === 'string' ? entry : undefined,
    name: typeof entry === 'string' ? '' : entry.name,
    values: [],
    peakMiB: 0,
  }));
  for (let window = 0; window < windows; window++) {
    for (const [i, entry] of opened.entries()) {
      const figure = figures[i] as (typeof figures)[number];
      if (typeof entry === 'string') continue;
      // A contender that needs many windows for one step is not asked again and again.
      if (window > 0 && (figure.values[0] as number) < (work.units / windowMs) * 200) continue;
      const { perSecond, peakMiB } = await entry.subject.measure(windowMs);
      figure.values.push(perSecond);
      figure.peakMiB = peakMiB;
    }
  }
  for (const entry of opened) if (typeof entry !== 'string') entry.subject.close();
  return figures;
}

const startLoad = loadavg()[0] as number;
const chosen = works.filter(({ id }) => wanted.length === 0 || wanted.some((word) => id.startsWith(word)));
const rows: { work: Work; figures: Figure[] }[] = [];
const peaks: number[] = [];
for (const work of chosen) {
  peaks.push(await microKernelPeak());
  const figures = await measure(work);
  rows.push({ work, figures });
  const text = figures.map(({ label, values, absent }) => `  ${label}: ${absent ?? median(values).toPrecision(4)}`);
  console.log([`${work.id} ${work.title}, ${work.unit}`, ...text].join('\n'));
}
const text = [
  '# Results',
  '',
  `${cpus().length} x ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}. ${describeKernels(loadKernelModule())}`,
  '',
  `Written by \`npm run bench\`. Each figure is the median of ${windows} windows of ${windowMs / 1000} s; all contenders of a row are warm and take turns within one run. Load average of the machine at the start ${startLoad.toFixed(1)}, at the end ${(loadavg()[0] as number).toFixed(1)}: this run by itself makes 1 to 2.`,
  '',
  resultTable(rows, median(peaks)),
  ...(await phaseTable(chosen)),
  '',
].join('\n');
console.log(text);
if (whole || options.write) writeFileSync(fileURLToPath(new URL('RESULTS.md', import.meta.url)), text);
