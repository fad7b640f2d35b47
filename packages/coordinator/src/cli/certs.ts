import { join } from 'node:path';
import { UsageError } from '@lockstep/core';
import { type Identity, JoinToken } from '@lockstep/worker';
import { Command, Option } from 'commander';
import { createAuthority, issueCertificate } from '../certs/authority.ts';
import { authorityFiles, memberFiles, readAuthority, writeSecrets } from '../certs/certificate-folder.ts';
import { numberOption } from './options.ts';

const authorityDays = 3650;
const certificateDays = 365;

const collect = (value: string, all: readonly string[] = []): readonly string[] => [...all, value];
const debug = () => new Option('--debug', 'stacks of errors');

/** `certs init ca` makes a private authority, `certs issue coordinator | worker NAME` what one machine needs of it. */
export function certsCommand(): Command {
  const certs = new Command('certs').description('private CA and certificates for a cluster');
  certs.addCommand(initCommand().exitOverride());
  certs.addCommand(issueCommand().exitOverride());
  return certs;
}

function initCommand(): Command {
  return new Command('init')
    .description('make a private certificate authority, and a join token')
    .argument('<folder>', 'a new folder; keep it on this machine: its key makes members')
    .addOption(numberOption('--days <n>', 'how long it is valid', 1).default(authorityDays))
    .addOption(debug())
    .action(async (folder: string, { days }: { days: number }) => {
      const { certificate, key } = await createAuthority(days);
      await writeSecrets(folder, {
        [authorityFiles.certificate]: certificate,
        [authorityFiles.key]: key,
        [authorityFiles.token]: `${JoinToken.random().reveal()}\n`,
      });
      console.log(`${folder}: an authority for ${days} days, and a join token`);
      console.log(`next: lockstep certs issue coordinator --ca ${folder} --host HOST --out FOLDER`);
    });
}

interface IssueFlags {
  readonly ca: string;
  readonly out: string;
  readonly host?: readonly string[];
  readonly days: number;
}

function issueCommand(): Command {
  return new Command('issue')
    .description('make the folder that --certs wants on one machine')
    .argument('<role>', 'coordinator or worker')
    .argument('[name]', 'of the worker, as it shall be shown')
    .requiredOption('--ca <folder>', 'the authority, from `certs init`')
    .requiredOption('--out <folder>', 'a new folder, to be copied to that machine')
    .option('--host <name or address>', 'under which others dial it; several times for several', collect)
    .addOption(numberOption('--days <n>', 'how long it is valid', 1).default(certificateDays))
    .addOption(debug())
    .action(async (role: string, name: string | undefined, flags: IssueFlags) => {
      const identity = identityFrom(role, name);
      const authority = await readAuthority(flags.ca);
      const issued = await issueCertificate(authority, { identity, hosts: flags.host ?? [], days: flags.days });
      await writeSecrets(flags.out, {
        [memberFiles.ca]: authority.certificate,
        [memberFiles.certificate]: issued.certificate,
        [memberFiles.key]: issued.key,
        [memberFiles.token]: authority.token,
      });
      const hosts = ['localhost', ...(flags.host ?? [])].join(', ');
      console.log(`${join(flags.out)}: ${[role, name].join(' ').trim()} at ${hosts}, for ${flags.days} days`);
      if (!flags.host)
        console.log(`no --host: ${hostless[identity.role]}; issue another with the names that others dial`);
    });
}

const hostless = {
  coordinator: 'only workers of the same machine can join this coordinator',
  worker: 'only this machine can reach it at --listen, and --placement workers needs that others can',
} as const;

function identityFrom(role: string, name: string | undefined): Identity {
  if (role === 'coordinator' && name === undefined) return { role, name: '' };
  if (role === 'worker' && name !== undefined) return { role, name };
  throw new UsageError('Say `certs issue coordinator`, or `certs issue worker NAME`.');
}
