import { Board, bytesSource, Desk, exchangeService, JoinToken, pieces, serve, served } from '@lockstep/worker';
import { Exchange, Training } from '@lockstep/worker/messages';

// A member with a board, a desk and a session, in a process of its own, so that its memory can be told from the attacker's.

const token = new JoinToken(process.env.TEST_TOKEN ?? '');
const [board, desk] = [new Board(), new Desk()];
board.moveTerm(1);
desk.moveTerm(1);
board.publish(pieces.job(), bytesSource(new Uint8Array(1000)));
const server = await serve({
  address: '127.0.0.1:0',
  security: { token },
  limits: { handshakeMs: 1000, streams: 64 },
  services: [
    served(Exchange, exchangeService({ run: () => 'secret-run', board, desk, isMember: (m) => m === 1 }), []),
    served(
      Training,
      {
        async session(requests) {
          for await (const _ of requests);
        },
      },
      [],
    ),
  ],
});
process.on('message', (what) => {
  // Its memory is read from a file, which takes a descriptor.
  if (what === 'connections') return process.send?.({ connections: server.connections });
  global.gc?.();
  return process.send?.({
    rss: process.memoryUsage().rss,
    refusals: server.refusals.toJSON(),
    connections: server.connections,
  });
});
process.on('disconnect', () => process.exit());
process.send?.({ address: server.address });
