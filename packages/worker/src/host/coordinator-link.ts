import { create } from '@bufbuild/protobuf';
import { type FromCoordinator, FromWorkerSchema, Training } from '../gen/lockstep/v1/training_pb.ts';
import type { Channel, Conversation } from '../grpc/channel.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import type { ToCoordinator } from '../member/effects.ts';

/** What comes of a stream to the coordinator. */
export interface StreamListener {
  received(message: FromCoordinator): void;
  /** @param final dialling again would end in the same way: the coordinator refuses this worker */
  closed(reason: string, final: boolean): void;
}

export interface CoordinatorStream {
  send(message: ToCoordinator): void;
  cancel(): void;
}

/** How a member reaches its coordinator: over the network, or within one process. */
export interface CoordinatorLink {
  dial(listener: StreamListener): CoordinatorStream;
}

/** Ends of a stream that say: not you. */
const refusals = new Set<status>([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
]);

export function grpcLink(channel: Channel): CoordinatorLink {
  return {
    dial(listener) {
      const call = channel.bidi(Training.method.session);
      void listen(call, listener);
      return {
        // Who sends learns of a broken stream where messages are received.
        send: (message) => void call.send(create(FromWorkerSchema, message)).catch(() => undefined),
        cancel: () => call.cancel(),
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
    listener.closed('the coordinator ended the stream', false);
  } catch (error) {
    listener.closed((error as Error).message, error instanceof StatusError && refusals.has(error.status));
  }
}
