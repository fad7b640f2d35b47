import type { Job } from './agenda.ts';
import { playHistory } from './history.ts';

// Plays histories: `npm run simulate -- FIRST [LAST] [coordinator|workers]`; with TRACE=1 every effect of both sides is printed.

const [first = '0', last = first, only] = process.argv.slice(2);
const placements = only === undefined ? (['coordinator', 'workers'] as const) : [only as Job['placement']];
const trace = process.env.TRACE ? (line: string) => console.log(line.slice(0, 400)) : undefined;
const beganMs = performance.now();
let [played, bad, computed, needed] = [0, 0, 0, 0];
for (let seed = Number(first); seed <= Number(last); seed++) {
  for (const placement of placements) {
    const { job, kinds, simulatedMs, wrong, ...outcome } = await playHistory(seed, placement, trace);
    played++;
    computed += outcome.computed;
    needed += outcome.needed;
    if (wrong.length === 0) continue;
    bad++;
    console.log(
      `seed ${seed} ${placement}: ${wrong[0]?.slice(0, 300)}\n  ${JSON.stringify({ kinds, simulatedMs, ...job })}`,
    );
  }
}
const ms = (performance.now() - beganMs) / played;
const extra = ((computed / needed - 1) * 100).toFixed(1);
console.log(`${played} histories, ${bad} wrong, ${ms.toFixed(2)} ms each, ${extra} % more shards computed than needed`);
process.exitCode = bad > 0 ? 1 : 0;
