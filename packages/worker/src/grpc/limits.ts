/** What one peer may take of a server or client. Everything is refused before memory for it is taken. */
export interface Limits {
  /** Bytes of one message in either direction. */
  readonly messageBytes: number;
  /** Calls at a time on one connection. */
  readonly streams: number;
  /** Connections at a time; each worker opens a few. */
  readonly connections: number;
  /** Memory that HTTP/2 may hold for one connection, in MiB: mostly what is to be sent and was not taken yet. */
  readonly sessionMemoryMiB: number;
  /** Bytes that a peer may send before they were read: per stream and four times as much per connection. */
  readonly windowBytes: number;
  /** From the TCP connection to the first accepted call, TLS included. */
  readonly handshakeMs: number;
  /** A ping after so long without one ... */
  readonly keepaliveMs: number;
  /** ... and the connection is given up so long after it, where no answer came. */
  readonly keepaliveTimeoutMs: number;
}

export const defaultLimits: Limits = {
  // A chunk of 1 MiB with its envelope, and the indices of a batch of several 100 000 samples.
  messageBytes: 4 * 2 ** 20,
  // All pieces of an item at a time for 16 shards, a few items ahead.
  streams: 256,
  connections: 1024,
  sessionMemoryMiB: 256,
  // At 10 GbE and 2 ms there and back 2.5 MB are under way; 64 KiB, the default of HTTP/2, would allow 32 MB/s.
  windowBytes: 8 * 2 ** 20,
  handshakeMs: 10_000,
  // Half-open connections are noticed after 30 s at most. The wait for an answer is longer than any stall of an event
  // loop that a run should survive; leases notice silent members sooner.
  keepaliveMs: 10_000,
  keepaliveTimeoutMs: 20_000,
};

/** A shorter keep-alive for runs with short leases, in milliseconds: who is half open is noticed within three leases, but no sooner than in 3 s. */
export function keepaliveOf(leaseMs: number): Pick<Limits, 'keepaliveMs' | 'keepaliveTimeoutMs'> {
  const keepaliveMs = Math.min(defaultLimits.keepaliveMs, Math.max(1000, leaseMs));
  return { keepaliveMs, keepaliveTimeoutMs: 2 * keepaliveMs };
}
