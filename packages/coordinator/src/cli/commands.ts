import type { Command } from 'commander';
import { certsCommand } from './certs.ts';
import { evaluateCommand } from './evaluate.ts';
import { inspectCommand } from './inspect.ts';
import { predictCommand } from './predict.ts';
import { trainCommand } from './train-command.ts';
import { verifyCommand } from './verify.ts';
import { workerCommand } from './worker-command.ts';

/** What `lockstep` can do, in the order of its help. */
export const allCommands = (): Command[] => [
  trainCommand(),
  evaluateCommand(),
  predictCommand(),
  verifyCommand(),
  inspectCommand(),
  certsCommand(),
  workerCommand(),
];
