import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { DescMethod, Message, MessageShape } from '@bufbuild/protobuf';
import {
  ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientWritableStream,
  type Metadata,
} from '@grpc/grpc-js';
import { type Address, dialTarget, parseAddress } from './address.ts';
import { callMetadata } from './admission.ts';
import { Malformed } from './codec.ts';
import { defaultLimits, type Limits } from './limits.ts';
import type { Security, TlsFiles } from './security.ts';
import { type Send, sender } from './sender.ts';
import { type Expected, serverCheck } from './server-check.ts';
import { methodDefinition } from './service-definition.ts';
import { fromServiceError, StatusError, status } from './status-error.ts';

type Method<K extends string, I extends DescMethod['input'], O extends DescMethod['output']> = DescMethod & {
  readonly methodKind: K;
  readonly input: I;
  readonly output: O;
};
type Desc = DescMethod['input'];

export interface DialOptions {
  /** `host:port` */
  readonly address: string;
  readonly security: Security;
  /** Whose certificate must be found there. */
  readonly expect: Expected;
  readonly limits?: Partial<Limits>;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The call fails with DEADLINE_EXCEEDED after so long. */
  readonly timeoutMs?: number | undefined;
}

/** A two-way call: what is sent and what comes do not wait for each other. */
export interface Conversation<I, O> {
  readonly send: Send<I>;
  /** "I have nothing more to say." */
  end(): void;
  /** Ends when the other side has ended the call, throws StatusError where it ended badly. */
  readonly messages: AsyncIterable<O>;
  cancel(): void;
}

/** One connection to a member of the cluster, dialled at the first call and again when it was lost. */
export class Channel {
  readonly address: string;
  readonly #open: () => Client;
  #client: Client;
  readonly #metadata: Metadata;

  /** @throws UsageError where the address is none */
  constructor({ address, security, expect, limits }: DialOptions) {
    const parsed = parseAddress(address);
    this.address = address;
    this.#metadata = callMetadata(security.token);
    const credentials = security.tls
      ? tlsCredentials(security.tls, parsed, expect)
      : ChannelCredentials.createInsecure();
    const channel = { ...channelOptions({ ...defaultLimits, ...limits }), ...serverName(parsed) };
    this.#open = () => new Client(dialTarget(parsed), credentials, channel);
    this.#client = this.#open();
  }

  /** One message there, one back. */
  unary<I extends Desc, O extends Desc>(
    method: Method<'unary', I, O>,
    request: MessageShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request as Message,
        this.#metadata,
        grpcOptions(options),
        (error, message) => settle(this.address, resolve, reject, error, message),
      );
      cancelOn(options.signal, call);
    });
  }

  /** One message there, many back. Leaving the loop cancels the call. */
  async *serverStream<I extends Desc, O extends Desc>(
    method: Method<'server_streaming', I, O>,
    request: MessageShape<I>,
    options: CallOptions = {},
  ): AsyncGenerator<MessageShape<O>> {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request as Message,
      this.#metadata,
      grpcOptions(options),
    );
    const release = cancelOn(options.signal, call);
    try {
      for await (const message of call) yield well(message) as MessageShape<O>;
    } catch (error) {
      throw fromServiceError(error, this.address);
    } finally {
      release();
      quietly(call).cancel();
    }
  }

  /** Many messages there, one back. */
  clientStream<I extends Desc, O extends Desc>(
    method: Method<'client_streaming', I, O>,
    options: CallOptions = {},
  ): { send: Send<MessageShape<I>>; finish(): Promise<MessageShape<O>>; cancel(): void } {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
    const over = new AbortController();
    let call!: ClientWritableStream<Message | Malformed>;
    const reply = new Promise<MessageShape<O>>((resolve, reject) => {
      call = this.#client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        this.#metadata,
        grpcOptions(options),
        (error, message) => {
          over.abort();
          settle(this.address, resolve, reject, error, message);
        },
      );
    });
    // Whoever sends sees the failure as well, and may never ask for the reply.
    reply.catch(() => {});
    cancelOn(options.signal, call);
    const push = sender<MessageShape<I>>(quietly(call), over.signal);
    return {
      // The reason why a call is over is in its reply.
      send: (message) => push(message).catch((error) => reply.then(() => Promise.reject(error))),
      finish: () => {
        call.end();
        return reply;
      },
      cancel: () => call.cancel(),
    };
  }

  bidi<I extends Desc, O extends Desc>(
    method: Method<'bidi_streaming', I, O>,
    options: CallOptions = {},
  ): Conversation<MessageShape<I>, MessageShape<O>> {
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method);
    const call = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
      grpcOptions(options),
    );
    const over = new AbortController();
    call.once('status', () => over.abort());
    call.once('error', () => over.abort());
    cancelOn(options.signal, call);
    const { address } = this;
    async function* messages() {
      try {
        for await (const message of call) yield well(message) as MessageShape<O>;
      } catch (error) {
        throw fromServiceError(error, address);
      } finally {
        quietly(call).cancel();
      }
    }
    return {
      send: sender<MessageShape<I>>(call, over.signal),
      end: () => call.end(),
      messages: messages(),
      cancel: () => quietly(call).cancel(),
    };
  }

  /** The next call dials anew: the connection so far may be half open, which gRPC would notice by its keep-alive only, much later. */
  renew(): void {
    this.#client.close();
    this.#client = this.#open();
  }

  /** Ends its calls and its connection. */
  close(): void {
    this.#client.close();
  }
}

/** An error that comes after nobody listens any more must not end the process. */
function quietly<T extends { on(event: 'error', listener: () => void): unknown }>(call: T): T {
  call.on('error', () => {});
  return call;
}

function cancelOn(signal: AbortSignal | undefined, call: { cancel(): void }): () => void {
  const cancel = () => call.cancel();
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  return () => signal?.removeEventListener('abort', cancel);
}

function well(message: Message | Malformed): Message {
  if (message instanceof Malformed) throw new StatusError(status.DATA_LOSS, `an answer was no ${message.typeName}`);
  return message;
}

function settle<T>(
  peer: string,
  resolve: (message: T) => void,
  reject: (error: Error) => void,
  error: Error | null,
  message: Message | Malformed | undefined,
): void {
  if (error) reject(fromServiceError(error, peer));
  else if (!message || message instanceof Malformed)
    reject(new StatusError(status.DATA_LOSS, `${peer}: the answer could not be decoded`));
  else resolve(message as T);
}

const grpcOptions = ({ timeoutMs }: CallOptions) =>
  timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };

const channelOptions = (limits: Limits): ChannelOptions => ({
  'grpc.max_receive_message_length': limits.messageBytes,
  'grpc.max_send_message_length': limits.messageBytes,
  // Of the stream and, in grpc-js, of the connection as well: many pulls share it.
  'grpc-node.flow_control_window': 4 * limits.windowBytes,
  'grpc-node.max_session_memory': limits.sessionMemoryMiB,
  'grpc.keepalive_time_ms': limits.keepaliveMs,
  'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
  'grpc.keepalive_permit_without_calls': 1,
  // Each channel has its own connection: that is what several of them are for.
  'grpc.use_local_subchannel_pool': 1,
  // Retries are made where it is known what was received; these would keep copies of what was sent.
  'grpc.enable_retries': 0,
  'grpc.enable_channelz': 0,
  // Addresses are of this cluster: no proxy, no configuration from DNS, and a changed name is seen at the next try.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.dns_min_time_between_resolutions_ms': 1000,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 5000,
});

/** TLS has no server names that are addresses; grpc-js would send one. The certificate is checked against the address all the same. */
const serverName = ({ host }: Address): ChannelOptions =>
  isIP(host) ? { 'grpc.ssl_target_name_override': 'lockstep.invalid' } : {};

function tlsCredentials({ ca, certificate, key }: TlsFiles, { host }: Address, expect: Expected): ChannelCredentials {
  const context = createSecureContext({ ca, cert: certificate, key, minVersion: 'TLSv1.3' });
  return ChannelCredentials.createFromSecureContext(context, {
    checkServerIdentity: serverCheck(host, expect),
  });
}
