import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { BufferSink, Channel, JoinToken, pieces, pull } from '@lockstep/worker';
import { expect, test } from 'vitest';

// Row F31 of the faults: a process that may open only few files is flooded with connections, lives, and answers again once they are gone.

test('running out of file descriptors does not end a server', async () => {
  const token = JoinToken.random();
  const script = fileURLToPath(new URL('./support/hostile-server.ts', import.meta.url));
  const child = spawn('sh', ['-c', `ulimit -n 64; exec "${process.execPath}" "${script}"`], {
    env: { ...process.env, TEST_TOKEN: token.reveal() },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ address }] = (await once(child, 'message')) as [{ address: string }];
  const sockets: Socket[] = Array.from({ length: 200 }, () => connect(Number(address.split(':')[1]), '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => {});
  const ask = async (): Promise<number> => {
    const channel = new Channel({ address, security: { token }, expect: { role: 'worker' } });
    const sink = new BufferSink(1000);
    try {
      await pull(channel, { run: 'secret-run', term: 1, member: 1 }, pieces.job(), sink, { tries: 1 });
    } catch {
      return 0;
    } finally {
      channel.close();
    }
    return sink.bytes.length;
  };
  // The kernel takes them all; the process cannot.
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  child.send('connections');
  const [{ connections }] = (await once(child, 'message')) as [{ connections: number }];
  expect(connections).toBeLessThan(64);
  for (const socket of sockets) socket.destroy();
  await expect.poll(ask, { timeout: 20_000 }).toBe(1000);
  expect(child.exitCode).toBeNull();
  child.disconnect();
  await once(child, 'exit');
});
