export type { MessageInitShape as MessageInit } from '@bufbuild/protobuf';
export { SumsDecoder, SumsEncoder } from './compress/compressed-sums.ts';
export { compressedLimitBytes } from './compress/compressed-vector.ts';
export { WayCodec } from './compress/way-codec.ts';
export { Assembly } from './exchange/assembly.ts';
export { Board } from './exchange/board.ts';
export { chunkBytes } from './exchange/chunks.ts';
export { Desk } from './exchange/desk.ts';
export { type ExchangeHost, exchangeService } from './exchange/exchange-service.ts';
export { incarnationTerm, termsPerIncarnation } from './exchange/incarnation-term.ts';
export { arraySource, bytesSource, type PieceSource, vectorSource } from './exchange/piece-source.ts';
export { pieces } from './exchange/pieces.ts';
export { Publication } from './exchange/publication.ts';
export { type PullOptions, pull } from './exchange/pull.ts';
export { type PushOptions, push } from './exchange/push.ts';
export { BufferSink, type Sink, vectorSink } from './exchange/sink.ts';
export type { Asker } from './exchange/transfer.ts';
export { bytesOf, f32Format, type VectorFormat, vectorBytes } from './exchange/vector-format.ts';
export {
  type Adopted,
  type Computed as ComputedMessage,
  type Failed,
  type FromCoordinator,
  FromCoordinatorSchema,
  type FromWorker,
  FromWorkerSchema,
  type Hello,
  Mode,
  Placement,
  Reduce,
  type Regrouped,
  type Slice,
  type UpcomingSchema,
  type Updated,
  type Work,
  WorkKind,
  type WorkSchema,
} from './gen/lockstep/v1/training_pb.ts';
export { type Address, formatAddress, isHostName, isLoopback, parseAddress } from './grpc/address.ts';
export { type CallOptions, Channel, type Conversation, type DialOptions } from './grpc/channel.ts';
export { type Diagnosis, diagnose } from './grpc/diagnose.ts';
export type { CallContext, Handler, Implementation, Peer } from './grpc/handlers.ts';
export { type Identity, identityOf, identityUri, speaksFor, workerName } from './grpc/identity.ts';
export { JoinToken } from './grpc/join-token.ts';
export { defaultLimits, type Limits } from './grpc/limits.ts';
export { type LoadedSecurity, loadSecurity, type SecurityOptions } from './grpc/load-security.ts';
export { reach } from './grpc/reach.ts';
export { Refusals } from './grpc/refusals.ts';
export { checkListen, type Security, type TlsFiles } from './grpc/security.ts';
export type { Send } from './grpc/sender.ts';
export { type GrpcServer, type Served, type ServeOptions, serve, served } from './grpc/server.ts';
export { StatusError, status, statusName } from './grpc/status-error.ts';
export { compoundSink, compoundSource, stateParts } from './host/compound-piece.ts';
export { inlineBytes } from './host/compute-task.ts';
export type { CoordinatorLink, CoordinatorStream, Farewell, StreamListener } from './host/coordinator-link.ts';
export { localUpdates, wayNodes } from './host/local-round.ts';
export { encodings } from './host/outgoing-sums.ts';
export { PiecesOfOthers } from './host/pieces-of-others.ts';
export type { PlannedJob } from './host/planned-job.ts';
export { adder, formatOf, nodesOf } from './host/reduction.ts';
export { type RunWorkerOptions, runWorker } from './host/run-worker.ts';
export { Tasks } from './host/tasks.ts';
export { type WorkerEnd, WorkerHost } from './host/worker-host.ts';
export * from './local.ts';
export {
  type ComputedNode,
  type FromWorkerMessage,
  type ToCoordinator,
  tickMs,
  type UpdateResult,
  type WorkerAnswer,
  type WorkerEffect,
  type WorkerInput,
  type WorkerJob,
} from './member/effects.ts';
export { Lease, StallWatch } from './member/lease.ts';
export { type Introduction, WorkerCore, type WorkerState } from './member/worker-core.ts';
export { readState, writeState } from './memory/state-view.ts';
export { decodeBatch, encodeBatch, type FieldArrays } from './protocol/batch.ts';
export { checkJob } from './protocol/check-job.ts';
export {
  decodeJob,
  encodeJob,
  jobDigest,
  maxJobBytes,
  type OpenableData,
  type WireJob,
} from './protocol/encode-job.ts';
export { JobRefusal } from './protocol/job-refusal.ts';
export type { ComputeRequest, UpdateRequest } from './replica/compute-request.ts';
export { type Computed, type FinalPart, type NodeResult, Replica, type ReplicaOptions } from './replica/replica.ts';
export { type ReplicaImageOptions, replicaBytes } from './replica/replica-image.ts';
export { type Add, Aggregator, type Arrival, addF32 } from './sharding/aggregator.ts';
export { describeRescue, type Rescued } from './thread/rescue.ts';
