/** The thread's context block (docs/kernels.md). */
export const positionAt: usize = 8;
/** First sample of the shard within the run, where a node is computed shard by shard. */
const shardAt: usize = 12;
/** 32 bytes for whoever has sums to put down. */
export const lanesAt: usize = 64;
const flagAt: usize = 32;

/** Notes an index out of range; the first one wins. */
export function indexError(ctx: usize, nodeId: i32, row: i32, value: i32): void {
  note(ctx, 1, nodeId, row, value);
}

/** Notes a value that breaks a rule, by its bits. */
export function valueError(ctx: usize, nodeId: i32, element: i32, value: f32): void {
  note(ctx, 2, nodeId, element, reinterpret<i32>(value));
}

function note(ctx: usize, what: i32, nodeId: i32, row: i32, value: i32): void {
  if (load<i32>(ctx, flagAt) != 0) return;
  store<i32>(ctx, what, flagAt);
  store<i32>(ctx, nodeId, flagAt + 4);
  store<i32>(ctx, row, flagAt + 8);
  store<i32>(ctx, value, flagAt + 12);
  store<i32>(ctx, load<i32>(ctx, positionAt) + load<i32>(ctx, shardAt), flagAt + 16);
}
