import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { declarationFiles } from '../examples/support/declarations.ts';
import { trainOverWorkers } from './cluster/train-over-workers.ts';

// Mode local beside sync on the GPT job (examples/char-gpt.ts on TypeScript's declarations of the DOM), over two gRPC workers of one thread each on
// loopback: what the coordinator sends and receives, and the loss on held-out text. `node bench/local.ts [--steps N] [--local-steps H] [--replicas 2,4]
// [--compress how] [--job FILE] [--data FILE]`. Losses are the same on every machine.

const { values: flags } = parseArgs({
  options: {
    steps: { type: 'string', default: '2000' },
    'local-steps': { type: 'string', default: '50' },
    replicas: { type: 'string', default: '2,4' },
    compress: { type: 'string', default: 'none' },
    job: { type: 'string', default: fileURLToPath(new URL('../examples/char-gpt.ts', import.meta.url)) },
    data: { type: 'string', default: declarationFiles().find((file) => file.endsWith('lib.dom.d.ts')) ?? '' },
  },
});
const { job, compress } = flags;
const steps = Number(flags.steps);
const data = flags.data === '' ? undefined : flags.data;
const localSteps = Number(flags['local-steps']);

const sync = await trainOverWorkers({ job, steps, data, cluster: { mode: 'sync' } });
console.log(
  `${steps} steps: MB through the coordinator, a sync run's over them; loss on held-out text, over that of sync`,
);
const line = (name: string, { bytes, loss }: typeof sync) => {
  const ratios = [(sync.bytes / bytes).toFixed(1), (loss / sync.loss).toFixed(3)];
  console.log(
    `  ${name.padEnd(28)} ${(bytes / 1e6).toFixed(1).padStart(9)} ${ratios[0]?.padStart(6)}   ${loss.toFixed(4)} ${ratios[1]}`,
  );
};
line('sync', sync);
for (const replicas of flags.replicas.split(',').map(Number)) {
  const cluster = { mode: 'local', localSteps, replicas, compress } as const;
  line(`local, ${localSteps} steps, ${replicas} replicas`, await trainOverWorkers({ job, steps, data, cluster }));
}
