import { createServer } from 'node:net';
import {
  Board,
  Desk,
  exchangeService,
  type GrpcServer,
  type Limits,
  pieces,
  type Security,
  serve,
  served,
  vectorSink,
  vectorSource,
} from '@lockstep/worker';
import { Exchange } from '@lockstep/worker/messages';

// The other end of bench/exchange.ts, in a process of its own: serves a vector over gRPC and over a bare socket, and takes pushes.

export interface PeerRequest {
  readonly elements: number;
  readonly servers: readonly {
    readonly name: string;
    readonly chunk: number;
    readonly tls: boolean;
    readonly limits?: Partial<Limits>;
  }[];
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: string };
}

/** `host:port` by name of a server; the bare socket is `tcp`. */
export type PeerReply = Record<string, string>;

const [run, term] = ['bench', 1];

function tcpServer(bytes: Buffer): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    // One byte asks for the vector once more.
    socket.on('data', () => {
      for (let at = 0; at < bytes.length; at += 2 ** 20) socket.write(bytes.subarray(at, at + 2 ** 20));
    });
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(server.address() as { port: number }).port}`)),
  );
}

async function grpcServer(
  vector: Float32Array,
  { chunk, tls, limits }: PeerRequest['servers'][number],
  security: Security,
): Promise<GrpcServer> {
  const [board, desk] = [new Board(), new Desk()];
  board.moveTerm(term);
  desk.moveTerm(term);
  board.publish(pieces.node(1, { lo: 0, hi: 1 }), vectorSource(vector));
  const into = new Float32Array(vector.length);
  const expectNext = (item: number): void => {
    void desk.expect(1, pieces.node(item, { lo: 0, hi: 1 }), vectorSink(into)).then(() => expectNext(item + 1));
  };
  expectNext(1);
  const service = exchangeService({ run: () => run, board, desk, chunk, isMember: () => true });
  return serve({
    address: '127.0.0.1:0',
    security: tls ? security : {},
    services: [served(Exchange, service, ['worker', 'coordinator'])],
    ...(limits && { limits }),
  });
}

process.on('message', async (request: PeerRequest) => {
  const vector = Float32Array.from({ length: request.elements }, (_, i) => i);
  const tls = {
    ca: Buffer.from(request.tls.ca),
    certificate: Buffer.from(request.tls.certificate),
    key: Buffer.from(request.tls.key),
  };
  const reply: PeerReply = { tcp: await tcpServer(Buffer.from(vector.buffer)) };
  for (const server of request.servers) reply[server.name] = (await grpcServer(vector, server, { tls })).address;
  process.send?.(reply);
});
process.on('disconnect', () => process.exit());
