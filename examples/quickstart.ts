import { fileURLToPath } from 'node:url';
import { reporterFor, train } from '@lockstep/coordinator';
import { generate } from './support/generate.ts';
import { conditionalEntropy } from './support/ngram.ts';
import job from './typescript-gpt.ts';

// npm run quickstart: about a minute of training on all cores, then what came of it.

const { test } = await job.data({ path: undefined, seed: job.seed ?? 0 });
const trigram = conditionalEntropy(test.text, 3);
console.log('A small GPT learns to write TypeScript declarations, one character at a time.');

const run = train(fileURLToPath(new URL('./typescript-gpt.ts', import.meta.url)));
const reporter = reporterFor(false);
for await (const event of run) reporter.event(event);
reporter.close();
const { model, metrics, digest, seconds, steps } = await run.done;

const prompt = '\ninterface Array';
const ids = await generate(model, [...test.encode(prompt)], { context: test.context, count: 400 });
console.log(`\nA sample:\n${prompt}${test.decode(ids)}\n`);
const loss = metrics.loss as number;
console.log(`${steps} steps in ${seconds.toFixed(1)} s`);
console.log(`loss on held-out text        ${loss.toFixed(4)} nats per character`);
console.log(`its trigram entropy          ${trigram.toFixed(4)}  (knowing the two characters before)`);
console.log(`digest of the weights        ${digest}`);
await model.close();
if (!(loss < trigram)) {
  console.error('The loss should have fallen below the trigram entropy.');
  process.exitCode = 1;
}
