import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { reporterFor, train } from '@lockstep/coordinator';

// npm run bench:mnist -- FOLDER: the small convolutional network of examples/digits.ts on the original MNIST files must read at least 99 % of the
// test images right after three epochs.

const wanted = 0.99;
const folder = process.argv[2] ?? process.env.LOCKSTEP_MNIST;
if (!folder || !existsSync(folder)) {
  console.log(
    `SKIPPED: ${folder ?? 'no folder given'}: name the folder of MNIST's files (train-images-idx3-ubyte and so on).`,
  );
} else {
  const job = fileURLToPath(new URL('../examples/digits.ts', import.meta.url));
  const run = train(job, { data: folder, epochs: 3 });
  const reporter = reporterFor(false);
  for await (const event of run) reporter.event(event);
  reporter.close();
  const { metrics, digest, seconds, model } = await run.done;
  await model.close();
  const accuracy = metrics.accuracy as number;
  console.log(
    `MNIST, 3 epochs, ${seconds.toFixed(0)} s: test accuracy ${(100 * accuracy).toFixed(2)} %, digest ${digest}`,
  );
  if (!(accuracy >= wanted)) {
    console.error(`It should have been at least ${100 * wanted} %.`);
    process.exitCode = 1;
  }
}
