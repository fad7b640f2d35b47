import type { EventEmitter } from 'node:events';
import type { DescMethod, DescService, Message, MessageShape } from '@bufbuild/protobuf';
import type {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { Malformed } from './codec.ts';
import type { Identity } from './identity.ts';
import { type Send, sender } from './sender.ts';
import { StatusError, status, toServiceError } from './status-error.ts';

/** Who calls, and until when somebody waits for the answer. */
export interface CallContext {
  readonly peer: Peer;
  /** Aborted when the peer cancels or its connection is lost. */
  readonly signal: AbortSignal;
}

export interface Peer {
  /** `host:port` of its end of the connection. */
  readonly address: string;
  /** From its certificate; undefined without TLS. */
  readonly identity: Identity | undefined;
}

type Kind<M> = M extends { methodKind: infer K } ? K : never;
type In<M> = M extends { input: infer I extends DescMethod['input'] } ? MessageShape<I> : never;
type Out<M> = M extends { output: infer O extends DescMethod['output'] } ? MessageShape<O> : never;

/** The function that answers a method. A thrown StatusError is what the peer sees. */
export type Handler<M> =
  Kind<M> extends 'unary'
    ? (request: In<M>, context: CallContext) => Promise<Out<M>>
    : Kind<M> extends 'server_streaming'
      ? (request: In<M>, send: Send<Out<M>>, context: CallContext) => Promise<void>
      : Kind<M> extends 'client_streaming'
        ? (requests: AsyncIterable<In<M>>, context: CallContext) => Promise<Out<M>>
        : (requests: AsyncIterable<In<M>>, send: Send<Out<M>>, context: CallContext) => Promise<void>;

/** One function per method of a generated service, by its name in camelCase. */
export type Implementation<S extends { method: object }> = {
  readonly [K in keyof S['method']]: Handler<S['method'][K]>;
};

type AnyCall =
  | ServerUnaryCall<Message, Message>
  | ServerReadableStream<Message, Message>
  | ServerWritableStream<Message, Message>
  | ServerDuplexStream<Message, Message>;

const checked = (message: unknown): Message => {
  if (message instanceof Malformed && message.damaged)
    throw new StatusError(status.DATA_LOSS, `a ${message.typeName} was changed on its way`);
  if (message instanceof Malformed)
    throw message.tooLong
      ? new StatusError(status.RESOURCE_EXHAUSTED, `a ${message.typeName} was too long`)
      : new StatusError(status.INVALID_ARGUMENT, `the bytes received are no ${message.typeName}`);
  return message as Message;
};

/** Messages of a call as they come; ends quietly where the peer has closed its half. */
export async function* received(stream: ServerReadableStream<Message, Message> | ServerDuplexStream<Message, Message>) {
  for await (const message of stream.iterator({ destroyOnReturn: false })) yield checked(message);
}

/** Why a call's signal is aborted. Calls end so as well, and an error made for each of them costs a stack. */
const callOver = new StatusError(status.CANCELLED, 'the call is over');

function contextOf(call: AnyCall, identify: (call: AnyCall) => Peer): CallContext {
  const controller = new AbortController();
  const abort = () => controller.abort(callOver);
  (call as EventEmitter).once('cancelled', abort);
  return { peer: identify(call), signal: controller.signal };
}

/** The functions of an implementation as grpc-js calls them. */
export function untypedHandlers<S extends DescService>(
  service: S,
  implementation: Implementation<S>,
  identify: (call: AnyCall) => Peer,
): UntypedServiceImplementation {
  // biome-ignore lint/suspicious/noExplicitAny: the kinds of calls differ by a string at run time
  const functions = implementation as any;
  const adapt = (method: DescMethod) => {
    const handler = functions[method.localName].bind(functions);
    const answer = async (call: AnyCall, callback: sendUnaryData<Message>, requests: () => unknown) => {
      try {
        callback(null, await handler(requests(), contextOf(call, identify)));
      } catch (error) {
        callback(toServiceError(error));
      }
    };
    const stream = async (
      call: ServerWritableStream<Message, Message> | ServerDuplexStream<Message, Message>,
      requests: () => unknown,
    ) => {
      try {
        const context = contextOf(call, identify);
        await handler(requests(), sender(call, context.signal), context);
        call.end();
      } catch (error) {
        call.emit('error', toServiceError(error));
      }
    };
    switch (method.methodKind) {
      case 'unary':
        return (call: ServerUnaryCall<Message, Message>, callback: sendUnaryData<Message>) =>
          void answer(call, callback, () => checked(call.request));
      case 'client_streaming':
        return (call: ServerReadableStream<Message, Message>, callback: sendUnaryData<Message>) =>
          void answer(call, callback, () => received(call));
      case 'server_streaming':
        return (call: ServerWritableStream<Message, Message>) => void stream(call, () => checked(call.request));
      default:
        return (call: ServerDuplexStream<Message, Message>) => void stream(call, () => received(call));
    }
  };
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, adapt(method)]),
  ) as UntypedServiceImplementation;
}
