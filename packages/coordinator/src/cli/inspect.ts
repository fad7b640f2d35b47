import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { openCheckpoint } from '../checkpoint/store.ts';

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('layout, digests and sizes of a checkpoint')
    .argument('<checkpoint>', 'a checkpoint, or a run: its newest one')
    .option('--json', 'as JSON')
    .option('--debug', 'stacks of errors')
    .action(async (path: string, flags: { json?: boolean }) => {
      const loaded = await openCheckpoint(path);
      const { manifest, model } = loaded;
      const parameters = model.layout.entries.map(({ name, shape, size }) => ({ name, shape, size }));
      const total = parameters.reduce((n, { size }) => n + size, 0);
      const report = {
        path: loaded.path,
        step: manifest.step,
        digest: manifest.digest,
        evalLoss: manifest.evalLoss,
        identity: manifest.identity,
        parameters,
        total,
        bytes: { parameters: total * 4, optimizer: total * 4 * manifest.optimizerVectors.length },
        optimizerVectors: manifest.optimizerVectors,
        sha256: manifest.sha256,
      };
      if (flags.json) {
        console.log(JSON.stringify(report));
        return;
      }
      const width = Math.max(...parameters.map(({ name }) => name.length));
      for (const { name, shape, size } of parameters) {
        console.log(
          `${name.padEnd(width)}  ${`[${shape.join(', ')}]`.padEnd(16)} ${size.toLocaleString('en').padStart(12)}`,
        );
      }
      console.log(`${'total'.padEnd(width)}  ${''.padEnd(16)} ${total.toLocaleString('en').padStart(12)}`);
      console.log(
        `\n${report.path}\nstep ${report.step}, job "${manifest.identity.name}", seed ${manifest.identity.seed}, numerics version ${manifest.identity.numericsVersion}`,
      );
      if (report.evalLoss !== null) console.log(`loss on the test data ${report.evalLoss}`);
      console.log(`digest ${report.digest}`);
      for (const [name, hash] of Object.entries(manifest.sha256)) {
        const { size } = await stat(join(loaded.path, name));
        console.log(`${hash} ${size.toLocaleString('en').padStart(14)}  ${name}`);
      }
    });
}
