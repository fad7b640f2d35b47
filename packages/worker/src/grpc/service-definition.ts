import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { encodeMessage } from './bulk-encoding.ts';
import { decode, type Malformed } from './codec.ts';

/** The path of a call in HTTP/2: `/lockstep.v1.Exchange/Pull`. */
export const methodPath = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

const clientStreams = (method: DescMethod) =>
  method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
const serverStreams = (method: DescMethod) =>
  method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming';

/** A method of a generated service as grpc-js wants it. */
export const methodDefinition = (method: DescMethod): MethodDefinition<Message | Malformed, Message | Malformed> => ({
  path: methodPath(method),
  requestStream: clientStreams(method),
  responseStream: serverStreams(method),
  requestSerialize: (message) => encodeMessage(method.input, message as Message),
  requestDeserialize: (bytes) => decode(method.input, bytes),
  responseSerialize: (message) => encodeMessage(method.output, message as Message),
  responseDeserialize: (bytes) => decode(method.output, bytes),
});

/** A generated service as grpc-js wants it: methods by their local name. */
export const serviceDefinition = (service: DescService): ServiceDefinition =>
  Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(method)]));
