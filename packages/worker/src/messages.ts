/** The generated messages, apart from the rest of the package since their names are short. */
export * from './gen/lockstep/v1/exchange_pb.ts';
export * from './gen/lockstep/v1/training_pb.ts';
