import { beforeAll, expect, test } from 'vitest';
import { ClusterWorker, Coordinator, Process } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// A run with certificates and a token, made by the command line: the same bits, and whoever should not be in it is not.

const folder = new UserFolder();
const at = (name: string) => `${folder.path}/${name}`;
let job: string;
let expected: string;

beforeAll(async () => {
  job = folder.write('job.ts', jobText({ batch: '{ size: 20, shards: 7 }', steps: '6' }));
  await lockstep(['certs', 'init', at('ca')]);
  await lockstep(['certs', 'init', at('other-ca')]);
  const issue = (ca: string, out: string, ...who: string[]) =>
    lockstep(['certs', 'issue', ...who, '--ca', at(ca), '--out', at(out)]);
  await issue('ca', 'coordinator', 'coordinator');
  await issue('ca', 'w0', 'worker', 'w0');
  await issue('ca', 'w1', 'worker', 'w1');
  await issue('other-ca', 'stranger', 'worker', 'w1');
  const { stdout } = await lockstep(['train', job, '--threads', '1', '--json', '--out', at('alone')]);
  expected = (JSON.parse(stdout.trim().split('\n').at(-1) as string) as { digest: string }).digest;
});

test.each(['coordinator', 'workers'])('placement %s: two workers with certificates', async (placement) => {
  await using coordinator = new Coordinator([
    ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement, '--min-workers', '2'],
    ...['--certs', at('coordinator'), '--out', at(`run-${placement}`)],
  ]);
  const address = await coordinator.address();
  // Four who should not take part, before those who should.
  await using stranger = new ClusterWorker(address, ['--certs', at('stranger'), '--wait', '1']);
  await using plain = new ClusterWorker(address, ['--wait', '1']);
  await using impostor = new ClusterWorker(address, ['--certs', at('w0'), '--name', 'w1', '--wait', '1']);
  const wrong = folder.write('token', '00'.repeat(16));
  await using guest = new ClusterWorker(address, ['--certs', at('w0'), '--token-file', wrong, '--wait', '1']);
  for (const turnedAway of [stranger, plain, impostor, guest]) expect(await turnedAway.exited).toBe(1);
  expect(stranger.stderr).toMatch(
    / at [^ ]+: the certificate there is of another authority .*issue both from one folder/,
  );
  expect(plain.stderr).toMatch(/ at [^ ]+: TLS is spoken there: give --certs FOLDER/);
  expect(impostor.stderr).toContain('the certificate is of worker "w0", not of "w1"');
  expect(guest.stderr).toContain('a valid join token is needed');
  // Whoever runs the coordinator sees it at once.
  const warnings = coordinator.ofType('warning').map(({ message }) => message);
  expect(warnings).toContain('A call was refused that came without a valid join token (from 127.0.0.1).');
  expect(warnings).toContain('A call was refused for which its certificate is not the right one (from 127.0.0.1).');
  await using w0 = new ClusterWorker(address, ['--certs', at('w0')]);
  await using w1 = new ClusterWorker(address, ['--certs', at('w1')]);
  expect(await coordinator.digest()).toBe(expected);
  expect(await coordinator.exited).toBe(0);
  expect(await Promise.all([w0.exited, w1.exited])).toEqual([0, 0]);
  const joined = coordinator.ofType('worker-joined').map(({ name }) => name);
  expect(joined.sort()).toEqual(['w0', 'w1']);
  // Each try is counted: by its token, by its name, and before there is a call.
  const refused = coordinator.ofType('done')[0]?.refused;
  expect(refused).toMatchObject({ UNAUTHENTICATED: 1, PERMISSION_DENIED: 1, TLS: expect.any(Number) });
});

test('the coordinator listens everywhere and computes, workers own the slices: it is reached where workers have joined', async () => {
  await using coordinator = new Coordinator([
    ...[job, '--listen', '0.0.0.0:0', '--threads', '1', '--placement', 'workers', '--min-workers', '2'],
    ...['--certs', at('coordinator'), '--out', at('run-everywhere')],
  ]);
  const port = (await coordinator.address()).split(':')[1];
  await using w0 = new ClusterWorker(`127.0.0.1:${port}`, ['--certs', at('w0')]);
  expect(await coordinator.digest()).toBe(expected);
  expect(await w0.exited).toBe(0);
  expect(coordinator.ofType('worker-lost')).toEqual([]);
});

test('a folder of the other role is refused at the start, on both sides', async () => {
  const train = await lockstep(['train', job, '--listen', '127.0.0.1:0', '--certs', at('w0'), '--out', at('other')]);
  expect(train.code).toBe(2);
  expect(train.stderr).toMatch(/w0 is the folder of worker w0, and this is a coordinator: give one by `lockstep certs/);
  const worker = await lockstep(['worker', '--join', '127.0.0.1:9', '--certs', at('coordinator')]);
  expect(worker.code).toBe(2);
  expect(worker.stderr).toMatch(/coordinator is the folder of a coordinator, and this is a worker: give one by/);
});

test('listening for others without certificates and token is refused in one sentence', async () => {
  await using open = new Process(['train', job, '--listen', '0.0.0.0:0', '--threads', '1']);
  expect(await open.exited).toBe(2);
  expect(open.stderr).toMatch(/listening on 0\.0\.0\.0:0 needs --certs DIR and --token-file FILE/);
  await using told = new Process([
    'train',
    job,
    '--listen',
    '0.0.0.0:0',
    '--threads',
    '1',
    '--insecure',
    '--json',
    '--out',
    at('told'),
  ]);
  expect(await told.exited).toBe(0);
  expect(told.stdout).toContain('INSECURE: 0.0.0.0');
});
