import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { allCommands } from './commands.ts';

// The documents and the command line know the same options and variables.

const read = (name: string) => readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8');
const cli = read('docs/cli.md');
const commands = allCommands();
const named = (name: string) => commands.find((command) => command.name() === name) as Command;
const parts = (command: Command): Command[] => [command, ...command.commands];
const optionsOf = (of: readonly Command[]) => of.flatMap(parts).flatMap(({ options }) => options);
const shown = (of: readonly Command[]) =>
  new Set(
    optionsOf(of)
      .filter(({ hidden }) => !hidden)
      .map(({ long }) => `${long}`),
  );
const flagsIn = (text: string) => new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g));

function section(title: string): string {
  const start = cli.indexOf(`\n## ${title}`);
  expect(start, title).toBeGreaterThan(0);
  const end = cli.indexOf('\n## ', start + 1);
  return cli.slice(start, end < 0 ? undefined : end);
}

/** Cells of the rows of all tables. */
const rows = (text: string) =>
  [...text.matchAll(/^\| (?!option|---)(.*) \|$/gm)].map(([, row]) => (row as string).split(/ \| (?!\w+`)/));

describe.each(['train', 'worker'])('%s', (name) => {
  const table = rows(section(`\`lockstep ${name}`));

  test('has the options of its table, no more and no fewer', () => {
    expect(flagsIn(table.map(([option]) => option).join(' '))).toEqual(shown([named(name)]));
  });

  test('has the variables of its table', () => {
    const variables = new Set(table.flatMap(([, environment = '']) => environment.match(/LOCKSTEP_\w+/g) ?? []));
    const known = optionsOf([named(name)]).flatMap(({ envVar }) => envVar ?? []);
    expect(variables).toEqual(new Set([...known, 'LOCKSTEP_TOKEN']));
  });
});

test('certs and the other commands have the options that are described', () => {
  expect(flagsIn(section('`lockstep certs`'))).toEqual(shown([named('certs')]));
  const others = ['eval', 'predict', 'verify', 'inspect'].map(named);
  expect(flagsIn(section('The others'))).toEqual(shown(others));
});

test.each(['README.md', 'SECURITY.md', 'docs/cluster.md', 'docs/determinism.md', 'docs/cli.md'])(
  '%s names no option that is not there',
  (name) => {
    const known = new Set(optionsOf(commands).map(({ long }) => long));
    // Beside these, options of npm scripts.
    const others = new Set(['--help', '--minutes', '--write']);
    const unknown = [...flagsIn(read(name))].filter((flag) => !known.has(flag) && !others.has(flag));
    expect(unknown).toEqual([]);
  },
);

test('each option with a value says its default, or what happens without it', () => {
  const silent = ['--weights', '--profile', '--listen', '--certs', '--join', '--advertise', '--ca', '--host', '--out'];
  const missing = optionsOf(commands)
    .filter(({ hidden, required, long, mandatory }) => !hidden && required && !mandatory && !silent.includes(`${long}`))
    .filter(({ description, defaultValue }) => !/default: |instead of/.test(description) && defaultValue === undefined)
    .map(({ long, description }) => `${long} ${description}`);
  expect(missing).toEqual([]);
});
