import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

// npm run soak -- --minutes 60 --seed 7 --placement workers: prints what happens, and what came of it; fails where a bit differs, or where the
// memory of a process grows without end.

/** Beyond what it had when it was warm, a process may have so many MiB more: heaps grow in steps, and checkpoints and replayed steps come and go. */
const growthMib = 150;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(process.pid) },
    placement: { type: 'string', default: 'workers' },
  },
});
const placement = values.placement === 'coordinator' ? 'coordinator' : 'workers';
const seed = Number(values.seed);
console.log(`seed ${seed}, placement ${placement}, ${values.minutes} minutes`);
const report = await soak({ seconds: Number(values.minutes) * 60, seed, placement, say: console.log });
console.log(JSON.stringify(report, null, 2));
const grown = Object.entries(report.memoryMib).filter(([, memory]) => memory && memory.last > memory.warm + growthMib);
for (const [who, memory] of grown)
  console.log(`The memory of a ${who} grew from ${memory?.warm} to ${memory?.last} MiB in ${memory?.seconds} s.`);
process.exit(report.same && grown.length === 0 ? 0 : 1);
