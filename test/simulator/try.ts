import { playHistory } from './history.ts';

// Plays histories: `node test/simulator/try.ts FIRST [LAST]`; with TRACE=1 every effect of both sides is printed.

const [first = '0', last = first] = process.argv.slice(2);
const trace = process.env.TRACE ? (line: string) => console.log(line.slice(0, 400)) : undefined;
const beganMs = performance.now();
let [played, bad, computed, needed] = [0, 0, 0, 0];
for (let seed = Number(first); seed <= Number(last); seed++) {
  const outcome = await playHistory(seed, trace);
  played++;
  computed += outcome.computed;
  needed += outcome.needed;
  if (outcome.wrong.length === 0) continue;
  bad++;
  if (bad > 20) continue;
  const { job, kinds, simulatedMs, wrong } = outcome;
  console.log(`seed ${seed}: ${wrong[0]?.slice(0, 300)}\n  ${JSON.stringify({ kinds, simulatedMs, ...job })}`);
}
const ms = (performance.now() - beganMs) / played;
const extra = ((computed / needed - 1) * 100).toFixed(1);
console.log(`${played} histories, ${bad} wrong, ${ms.toFixed(2)} ms each, ${extra} % more shards computed than needed`);
process.exitCode = bad > 0 ? 1 : 0;
