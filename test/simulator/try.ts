import { playHistory } from './history.ts';

const [first = '0', last = first] = process.argv.slice(2);
const t0 = performance.now();
let bad = 0;
let n = 0;
for (let seed = Number(first); seed <= Number(last); seed++) {
  n++;
  const outcome = await playHistory(seed, process.env.TRACE ? (line) => console.log(line.slice(0, 300)) : undefined);
  if (outcome.faults.length > 0) {
    bad++;
    if (bad <= 10)
      console.log(
        seed,
        JSON.stringify(outcome.job),
        outcome.faults.slice(0, 3),
        Math.round(outcome.simulatedMs),
        outcome.events.slice(-5),
      );
  }
}
console.log(`${n} histories, ${bad} bad, ${((performance.now() - t0) / n).toFixed(2)} ms each`);
