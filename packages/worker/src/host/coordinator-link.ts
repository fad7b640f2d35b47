import { create } from '@bufbuild/protobuf';
import { type FromCoordinator, FromWorkerSchema, Training } from '../gen/lockstep/v1/training_pb.ts';
import type { Channel, Conversation } from '../grpc/channel.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import type { ToCoordinator } from '../member/effects.ts';

/**
 * How a stream to the coordinator has ended: it was `lost`; or this worker was turned away, for a reason that may be another one `later`, or
 * for one that will `never` change, so that dialling again is of no use.
 */
export type Farewell = 'lost' | 'later' | 'never';

/** What comes of a stream to the coordinator. */
export interface StreamListener {
  received(message: FromCoordinator): void;
  closed(reason: string, farewell: Farewell): void;
}

export interface CoordinatorStream {
  send(message: ToCoordinator): void;
  cancel(): void;
}

/** How a member reaches its coordinator: over the network, or within one process. */
export interface CoordinatorLink {
  dial(listener: StreamListener): CoordinatorStream;
}

/** Ends of a stream that say: not you, or not now. */
const farewells = new Map<status, Farewell>([
  [status.UNAUTHENTICATED, 'never'],
  [status.PERMISSION_DENIED, 'never'],
  [status.FAILED_PRECONDITION, 'never'],
  [status.INVALID_ARGUMENT, 'never'],
  [status.UNIMPLEMENTED, 'never'],
  [status.ABORTED, 'later'],
]);

/** @param onHangUp told when this side ends a stream: other connections to the coordinator may be as dead */
export function grpcLink(channel: Channel, onHangUp: () => void): CoordinatorLink {
  return {
    dial(listener) {
      const call = channel.bidi(Training.method.session);
      void listen(call, listener);
      return {
        // Who sends learns of a broken stream where messages are received.
        send: (message) => void call.send(create(FromWorkerSchema, message)).catch(() => undefined),
        cancel: () => {
          call.cancel();
          channel.renew();
          onHangUp();
        },
      };
    },
  };
}

async function listen(
  { messages }: Pick<Conversation<never, FromCoordinator>, 'messages'>,
  listener: StreamListener,
): Promise<void> {
  try {
    for await (const message of messages) listener.received(message);
    listener.closed('the coordinator ended the stream', 'lost');
  } catch (error) {
    if (error instanceof StatusError) listener.closed(error.details, farewells.get(error.status) ?? 'lost');
    else listener.closed((error as Error).message, 'lost');
  }
}
