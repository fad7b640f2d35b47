import { parseArgs } from 'node:util';
import { soak } from './soak.ts';

// npm run soak -- --minutes 60 --seed 7 --placement workers: prints what happens, and what came of it; fails where a bit differs.

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
process.exit(report.same ? 0 : 1);
