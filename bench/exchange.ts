import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import {
  type Asker,
  Channel,
  type Limits,
  Publication,
  pieces,
  pull,
  push,
  type Security,
  vectorSink,
  vectorSource,
} from '@lockstep/worker';
import { createAuthority, issueCertificate } from '../packages/coordinator/dist/certs/authority.js';
import type { PeerReply, PeerRequest } from './exchange-peer.ts';

// How fast a vector moves between two processes over loopback: MB/s of a pull and of a push beside a bare TCP socket, by size of a chunk; and what
// checksums and TLS cost. All take turns, medians are compared. Usage: node bench/exchange.ts [MiB] [rounds]

const mebibytes = Number(process.argv[2] ?? 64);
const rounds = Number(process.argv[3] ?? 7);
const elements = mebibytes * 2 ** 18;
const asker: Asker = { run: 'bench', term: 1, member: 1 };
const node = (item: number) => pieces.node(item, { lo: 0, hi: 1 });
/** As grpc-js has them where nothing is set. */
const narrow: Partial<Limits> = { windowBytes: 65535 };

const authority = await createAuthority(1);
const certificate = await issueCertificate(authority, {
  identity: { role: 'worker', name: 'bench' },
  hosts: [],
  days: 1,
});
const tls = { ca: authority.certificate, ...certificate };
const security: Security = {
  tls: { ca: Buffer.from(tls.ca), certificate: Buffer.from(tls.certificate), key: Buffer.from(tls.key) },
};

const chunks = [64, 256, 512, 1024];
const request: PeerRequest = {
  elements,
  tls,
  servers: [
    ...chunks.map((kib) => ({ name: `${kib}`, chunk: kib * 1024, tls: false })),
    { name: 'tls', chunk: 512 * 1024, tls: true },
    { name: 'narrow', chunk: 512 * 1024, tls: false, limits: narrow },
  ],
};
const peer = fork(fileURLToPath(new URL('./exchange-peer.ts', import.meta.url)));
peer.send(request);
const [at] = (await once(peer, 'message')) as [PeerReply];

const vector = Float32Array.from({ length: elements }, (_, i) => i);
const into = new Float32Array(elements);
const channels: Channel[] = [];
function dial(name: string, limits?: Partial<Limits>): Channel {
  const channel = new Channel({
    address: at[name] as string,
    security: name === 'tls' ? security : {},
    expect: { role: 'worker' },
    ...(limits && { limits }),
  });
  channels.push(channel);
  return channel;
}

const socket = connect(Number(at.tcp?.split(':')[1]), '127.0.0.1');
async function overTcp(): Promise<void> {
  let left = 4 * elements;
  socket.write('x');
  while (left > 0) left -= ((await once(socket, 'data')) as [Buffer])[0].length;
}

const pulling = (name: string, limits?: Partial<Limits>) => {
  const channel = dial(name, limits);
  return () => pull(channel, asker, node(1), vectorSink(into));
};
/** Of the pushes to a server so far: it expects one item after the other. */
const items = new Map<string, number>();
const pushing = (name: string, count: number, size?: number) => {
  const all = Array.from({ length: count }, () => dial(name));
  return () => {
    const item = (items.get(name) ?? 0) + 1;
    items.set(name, item);
    return push(all, asker, node(item), new Publication(vectorSource(vector)), { size });
  };
};

type Measured = readonly [name: string, transfer: () => Promise<void> | void];
const measured: readonly Measured[] = [
  ['bare TCP socket', overTcp],
  ...chunks.map((kib): Measured => [`pull, chunks of ${kib} KiB`, pulling(`${kib}`)]),
  ['pull, window of 64 KiB', pulling('512', narrow)],
  ['pull, TLS 1.3', pulling('tls')],
  ...chunks.map((kib): Measured => [`push, chunks of ${kib} KiB`, pushing(`${kib}`, 1, kib * 1024)]),
  ['push, window of 64 KiB', pushing('narrow', 1)],
  ['push, window of 64 KiB, 3 channels', pushing('narrow', 3)],
  ['push, 3 channels', pushing('512', 3)],
  ['push, TLS 1.3', pushing('tls', 1)],
  ['CRC-32 alone, one side', () => void crc32(Buffer.from(vector.buffer))],
];

const rates = new Map<string, number[]>(measured.map(([name]) => [name, []]));
for (let round = 0; round <= rounds; round++)
  for (const [name, transfer] of measured) {
    const from = performance.now();
    await transfer();
    // The first round connects and warms up.
    if (round > 0) rates.get(name)?.push((4 * elements) / 1000 / (performance.now() - from));
  }

console.log(
  `${mebibytes} MiB over loopback, two processes, MB/s: median of ${rounds} rounds in turns (lowest, highest)`,
);
for (const [name, values] of rates) {
  values.sort((a, b) => a - b);
  const text = [values[values.length >> 1], values[0], values.at(-1)].map((value) => (value ?? 0).toFixed(0));
  console.log(`${name.padEnd(36)} ${text[0]?.padStart(6)}  (${text[1]}, ${text[2]})`);
}
for (const channel of channels) channel.close();
socket.destroy();
peer.disconnect();
