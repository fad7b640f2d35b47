import { expect, test } from 'vitest';
import { goOnWith } from './go-on-with.ts';
import { trainCommand } from './train-command.ts';

function said(...args: string[]): string {
  const command = trainCommand().action(() => undefined);
  command.parse(['it is.ts', ...args], { from: 'user' });
  return goOnWith('it is.ts', 'runs/it', command);
}

test('a run is gone on with by what its folder does not know', () => {
  expect(said('--seed', '4', '--mode', 'local', '--replicas', '3', '--json')).toBe(
    "lockstep train 'it is.ts' --out runs/it --resume",
  );
  expect(
    said(...['--threads', '0', '--listen', '0.0.0.0:7000', '--min-workers', '2', '--placement', 'workers']),
  ).toMatch(/ --resume --threads 0 --listen 0\.0\.0\.0:7000 --min-workers 2 --placement workers$/);
  expect(said(...['--listen', '[::1]:0', '--certs', "it's", '--token-file', 't', '--insecure'])).toMatch(
    / --resume --listen '\[::1\]:0' --certs 'it'\\''s' --token-file t --insecure$/,
  );
});
