/** A test that shows a fault survived: its file, and how its name (or that of its group) begins. */
export interface Evidence {
  readonly file: string;
  readonly test: string;
}

export interface FaultRow {
  readonly id: string;
  readonly fault: string;
  readonly expected: string;
  readonly shownBy: readonly Evidence[];
  /** What no test shows, and why. */
  readonly missing?: string;
}

const shown = (file: string, ...tests: string[]): Evidence[] => tests.map((test) => ({ file, test }));

const cluster = 'test/cluster/faults.test.ts';
const churn = 'test/cluster/churn.test.ts';
const chaos = 'test/cluster/chaos.test.ts';
const messages = 'test/cluster/messages.test.ts';
const wire = 'test/cluster/network.test.ts';
const coordinatorFaults = 'test/cluster/coordinator-faults.test.ts';
const brokenMachines = 'test/cluster/broken-machines.test.ts';
const soaked = [...shown('test/cluster/soak.test.ts', 'placement %s: a random mixture of all faults')];
const disk = 'test/faults/disk.test.ts';
const threads = 'test/faults/threads.test.ts';
const process = 'test/faults/process.test.ts';
const powerCut = 'packages/coordinator/src/checkpoint/power-cut.test.ts';
const store = 'packages/coordinator/src/checkpoint/store.test.ts';
const damage = 'packages/coordinator/src/checkpoint/damage.test.ts';
const journal = 'packages/coordinator/src/observe/journal.test.ts';
const core = 'packages/coordinator/src/sharding/cluster-core.test.ts';
const network = 'packages/worker/src/grpc/network.test.ts';
const exchange = 'packages/worker/src/exchange/exchange.test.ts';
const simulators = [
  ...shown('test/simulator-coordinator.test.ts', 'the journal of every history'),
  ...shown('test/simulator-workers.test.ts', 'the journal of every history'),
];

/** Faults and the tests that show them survived: docs/faults.md is made of it. A new row, or a new test of one, is a line here. */
export const faultMatrix: readonly FaultRow[] = [
  {
    id: 'F1',
    fault: 'a worker process is killed',
    expected: 'its shards go to others, no step is lost, same bits',
    shownBy: [
      ...shown(cluster, 'SIGKILL, SIGSTOP for longer than the lease and SIGCONT'),
      ...shown(churn, 'SIGKILL of a random worker every few steps'),
      ...shown(
        'test/cluster/killed-halfway.test.ts',
        'SIGKILL between two sub-trees costs the shards of the second',
        'where workers own the weights, SIGKILL before anybody has the sums of one',
      ),
      ...soaked,
      ...simulators,
    ],
  },
  {
    id: 'F2',
    fault: 'a compute thread dies: exception, WebAssembly trap, exit, terminated inside a kernel, heap exhausted',
    expected: 'it is replaced, half-written memory is never read, same bits',
    shownBy: [
      ...shown(
        threads,
        '%s on %d threads: half-written sums and parameters are never read',
        'a thread whose own heap is exhausted is replaced',
        'threads that die at the same place again and again',
        'a replica goes on with the same bits as well',
      ),
      ...shown('test/faults/interrupted-kernels.test.ts', 'a terminated thread has changed whole elements'),
    ],
  },
  {
    id: 'F3',
    fault: 'a worker is frozen for longer than its lease, then goes on',
    expected: 'late results are refused or accepted once, same bits',
    shownBy: [...shown(cluster, 'SIGKILL, SIGSTOP for longer than the lease and SIGCONT'), ...simulators],
  },
  {
    id: 'F4',
    fault: 'a slow worker',
    expected: 'named, its last shards computed twice, same bits',
    shownBy: [
      ...shown('test/cluster/stragglers.test.ts', 'placement %s: who is slow is named with its compute time'),
      ...shown(
        core,
        'a late worker: others get a copy of its shards',
        'a late worker that says nothing before the item is over',
        'next time who is slow gets less',
      ),
      ...simulators,
    ],
  },
  {
    id: 'F5',
    fault: 'workers join and leave at every step',
    expected: 'same bits',
    shownBy: [
      ...shown(churn, 'one to four workers: some join, and at each of the steps that follow one is killed or leaves'),
      ...shown(
        cluster,
        'a worker that is told to leave finishes its shards',
        'the last worker that holds the state leaves',
      ),
      ...simulators,
    ],
    missing:
      'a process takes several steps to start, so that real ones join in waves; joins and leaves at every single step, and up to eight workers, are in the simulators only',
  },
  {
    id: 'F6',
    fault: 'all workers gone',
    expected: 'the run waits and says so, and goes on when one joins',
    shownBy: [
      ...shown(cluster, 'SIGKILL, SIGSTOP for longer than the lease and SIGCONT'),
      ...shown(core, 'all workers gone: it says that it waits'),
    ],
  },
  {
    id: 'F7',
    fault: 'the coordinator is killed at any change of the disk',
    expected: 'resumes from the last good checkpoint, replayed steps have the same digests',
    shownBy: [
      ...shown(disk, 'SIGKILL before change %d of the disk'),
      ...shown(powerCut, 'killed before any operation'),
      ...shown(coordinatorFaults, 'placement %s: SIGKILL of the coordinator between write, fsync and rename'),
      ...soaked,
    ],
    missing:
      'between changes of the disk (a sum is taken, merged, applied) nothing is to be lost, so that it is killed there at random moments of the soak, not at each',
  },
  {
    id: 'F8',
    fault: 'two coordinators: a frozen one wakes after another has gone on',
    expected: 'the lower term is refused, at most one writes',
    shownBy: [
      ...shown(process, 'a run that is frozen, and woken after another process went on with it'),
      ...shown(coordinatorFaults, 'placement %s: a coordinator that is frozen, and wakes after another one went on'),
      ...shown(powerCut, 'frozen before any operation'),
      ...shown('packages/coordinator/src/storage/fence.test.ts', 'each start has the next number'),
      ...simulators,
    ],
    missing:
      'a frozen process keeps its port, so that the second one listens elsewhere and has other workers; that those of the first one go over to it is in the simulators only',
  },
  {
    id: 'F9',
    fault: 'a partition in both directions',
    expected: 'the worker leaves and comes back, same bits',
    shownBy: [...shown(wire, 'placement %s over %s only'), ...simulators],
    missing: 'where network namespaces cannot be made a proxy on loopback falls silent instead',
  },
  {
    id: 'F10',
    fault: 'a partition in one direction',
    expected: 'noticed by heartbeats of the application',
    shownBy: [
      ...shown(wire, 'placement %s over %s only'),
      ...shown(chaos, 'placement %s: delays, little bandwidth, flipped bits, cuts and silence'),
      ...shown(network, '%s: both sides notice'),
      ...simulators,
    ],
  },
  {
    id: 'F11',
    fault: 'a half-open connection, idle or in the middle of a transfer',
    expected: 'noticed by both sides within the limits of keep-alive',
    shownBy: [
      ...shown(
        network,
        '%s: both sides notice',
        'while nothing is called',
        'a channel that is renewed calls over a new connection',
      ),
      ...shown(exchange, 'a connection that falls silent in the middle of a %s is given up'),
      ...shown(cluster, 'SIGKILL, SIGSTOP for longer than the lease and SIGCONT'),
      ...shown(wire, 'placement %s over %s only'),
    ],
  },
  {
    id: 'F12',
    fault: 'a connection is reset or closed within a message',
    expected: 'the chunk is fetched again, nothing is merged in part',
    shownBy: [
      ...shown(chaos, 'placement %s: delays, little bandwidth, flipped bits, cuts and silence'),
      ...shown(
        exchange,
        'a connection that is %s in mid-piece goes on where it broke',
        'a piece that is withdrawn in the middle is not delivered',
      ),
    ],
  },
  {
    id: 'F13',
    fault: 'loss, delay, reordering, little bandwidth',
    expected: 'slower only',
    shownBy: [
      ...shown(
        chaos,
        'placement %s: delays, little bandwidth, flipped bits, cuts and silence',
        'placement %s: 200 ms more or less by 100 on every way',
      ),
      ...shown(wire, 'placement %s over %s only'),
      ...simulators,
    ],
    missing:
      'packets are lost where a narrow wire overflows (tbf) and delayed by a proxy; random loss and reordering of packets need netem, a kernel module',
  },
  {
    id: 'F14',
    fault: 'duplicated, reordered, interleaved messages',
    expected: 'nothing counts twice, same bits',
    shownBy: [
      ...shown(messages, 'placement %s: messages and calls that are doubled, replayed and reordered'),
      ...shown(exchange, 'chunks of a push and of a pull that come twice, again and in another order'),
      ...shown('packages/worker/src/exchange/assembly.test.ts', 'chunks in any order, some of them twice'),
      ...simulators,
    ],
  },
  {
    id: 'F15',
    fault: 'replay of an old step, session or run',
    expected: 'refused and counted',
    shownBy: [
      ...shown(messages, 'placement %s: messages and calls that are doubled, replayed and reordered'),
      ...shown(core, 'stale, foreign and repeated messages are refused'),
      ...shown(
        exchange,
        'calls of another run or in the name of a stranger are refused and counted',
        'pushes and pulls of old terms and items that are sent again change nothing',
      ),
    ],
  },
  {
    id: 'F16',
    fault: 'a bit flips on the way, or in the memory of a worker',
    expected: 'on the way: noticed and fetched again; in memory: noticed where two hold or compute the same',
    shownBy: [
      ...shown(chaos, 'placement %s: delays, little bandwidth, flipped bits, cuts and silence'),
      ...shown(exchange, 'a bit that flips on the way is noticed'),
      ...shown('packages/worker/src/grpc/seal.test.ts', 'each flipped bit and each missing byte is noticed'),
      ...shown(brokenMachines, 'a bit that flips in the memory of a worker is noticed'),
      ...shown(core, 'weights that differ are said, and their worker goes'),
      ...shown(
        core,
        'whoever has taken over other weights than those that were committed is left out before it computes',
      ),
    ],
    missing:
      'a sum that is wrong before its checksum is made, and that nobody else computes, is taken as it is; a resume that computes its step again finds it by the journal. A bit within the frame headers of HTTP/2 is noticed by TLS only',
  },
  {
    id: 'F17',
    fault: 'a gradient of one shard is NaN or infinite',
    expected: 'the same decision for any number of threads',
    shownBy: shown('test/faults/not-finite.test.ts', 'one bad sample'),
  },
  {
    id: 'F18',
    fault: 'malformed messages and streams',
    expected: 'refused, the server lives',
    shownBy: [
      ...shown('test/hostile-bytes.test.ts', 'bytes that are no message', 'no HTTP/2'),
      ...shown('packages/worker/src/protocol/encode-job.test.ts', 'bytes that are no job end in one sentence'),
      ...shown('packages/worker/src/protocol/batch.test.ts', 'any bytes end in a sentence'),
    ],
  },
  {
    id: 'F19',
    fault: 'messages beyond the limits',
    expected: 'refused before memory is taken',
    shownBy: [
      ...shown(
        'test/hostile-bytes.test.ts',
        'more than is taken',
        '100 000 streams: the connection is closed',
        'a gzip bomb is not unpacked',
      ),
      ...shown(
        'packages/worker/src/exchange/hostile-peer.test.ts',
        'chunks of nothing without end',
        'a size beyond all limits',
      ),
      ...shown(exchange, 'a piece over the limit or of an unexpected kind is refused'),
      ...shown('packages/worker/src/protocol/check-job.test.ts', 'more memory than allowed is refused'),
      ...shown(network, 'more connections than allowed are closed and counted'),
    ],
  },
  {
    id: 'F20',
    fault: 'wrong tokens and certificates',
    expected: 'refused, nothing about the run leaks',
    shownBy: [
      ...shown(
        'test/wire-security.test.ts',
        'turned away',
        'what they read says nothing of the run',
        '%s needs certificates and a token',
      ),
      ...shown('packages/worker/src/grpc/calls.test.ts', 'an absent or wrong token is refused'),
      ...shown('packages/coordinator/src/certs/authority.test.ts', 'a certificate by another authority'),
      ...shown('test/cluster/certificates.test.ts', 'placement %s: two workers with certificates'),
      ...shown('test/cluster/certificates.test.ts', 'listening for others without certificates and token is refused'),
    ],
  },
  {
    id: 'F21',
    fault: 'a worker with other kernels, another version or other data',
    expected: 'refused at the join with the reason; with other data it is sent the samples',
    shownBy: [
      ...shown(brokenMachines, 'who cannot take part is told why'),
      ...shown('test/cluster/data-files.test.ts', 'placement %s: data that %s have'),
      ...shown(core, 'who cannot take part is refused in a sentence'),
      ...shown('packages/worker/src/protocol/check-job.test.ts', 'another numerics version'),
    ],
  },
  {
    id: 'F22',
    fault: 'a thread flushes denormal numbers to zero',
    expected: 'its self-test fails, it is refused',
    shownBy: shown('test/faults/denormals.test.ts', 'a thread that flushes denormal numbers to zero is refused'),
  },
  {
    id: 'F23',
    fault: 'no room on the disk: ENOSPC, EDQUOT, EROFS, EMFILE at any operation of a checkpoint',
    expected: 'training goes on, the alarm is raised, the old checkpoint is whole, a later one is written',
    shownBy: [
      ...shown(disk, '%s fails with %s during a checkpoint', 'a real file system without room'),
      ...shown(coordinatorFaults, 'placement %s: a disk that fails within a checkpoint'),
      ...shown(journal, 'a full disk raises the alarm once'),
    ],
  },
  {
    id: 'F24',
    fault: 'EIO when a file is forced to disk',
    expected: 'the file is given up, never tried again on the same descriptor, nothing is called saved',
    shownBy: [
      ...shown(disk, '%s fails with %s during a checkpoint'),
      ...shown(coordinatorFaults, 'placement %s: a disk that fails within a checkpoint'),
      ...shown(journal, 'a sync that fails with %s'),
    ],
  },
  {
    id: 'F25',
    fault: 'damaged checkpoints: flipped, cut, swapped, forged, links, pipes',
    expected: 'the newest whole one is taken, or the run is refused',
    shownBy: [
      ...shown(store, 'any flipped byte, cut or missing file of the newest', 'files of two checkpoints swapped'),
      ...shown(
        damage,
        'cut at every 4 KiB',
        '%s is refused, never a crash or half a state',
        'links and pipes are no files of a checkpoint',
      ),
    ],
  },
  {
    id: 'F26',
    fault: 'the power is cut: what was not forced to disk is lost in parts',
    expected: 'a whole checkpoint and a journal that reaches it',
    shownBy: [...shown(powerCut, 'the power is cut before any operation'), ...simulators],
  },
  {
    id: 'F27',
    fault: 'data that changes or is cut during a run',
    expected: 'the run keeps what it read; a resume with other data is refused',
    shownBy: [
      ...shown(process, 'a data file that changes during a run'),
      ...shown('test/cluster/data-files.test.ts', 'placement %s: data that %s have'),
    ],
  },
  {
    id: 'F28',
    fault: 'the wall clock jumps',
    expected: 'nothing: all timers are monotonic',
    shownBy: shown(
      'test/faults/clock.test.ts',
      'no timer reads the wall clock',
      'a wall clock that jumps by days in all processes of a run',
    ),
    missing: 'certificates expire, and single calls end, by the wall clock',
  },
  {
    id: 'F29',
    fault: "the coordinator's event loop is blocked",
    expected: 'nobody is evicted: grace after the own stall',
    shownBy: [
      ...shown(coordinatorFaults, 'an event loop that stands still for longer than a lease'),
      ...shown(core, 'silence ends a lease; after an own stall nobody is evicted'),
      ...shown('packages/worker/src/member/lease.test.ts', 'own stalls do not count as silence of others'),
    ],
  },
  {
    id: 'F30',
    fault: 'memory runs out',
    expected: 'a run that does not fit is refused before it starts; killed for memory is F1',
    shownBy: [
      ...shown(brokenMachines, 'who cannot take part is told why'),
      ...shown('packages/worker/src/protocol/check-job.test.ts', 'more memory than allowed is refused'),
    ],
    missing: 'a kill by the system for memory is the same signal as F1 and F7',
  },
  {
    id: 'F31',
    fault: 'no descriptors left, a port in use, a name that does not resolve',
    expected: 'named, tried again, recovers',
    shownBy: [
      ...shown(network, 'a port in use', 'nobody there, a name that does not exist'),
      ...shown('test/few-descriptors.test.ts', 'running out of file descriptors does not end a server'),
      ...shown(cluster, 'an address where nobody answers, a name that is not known and a port in use'),
    ],
    missing:
      'a name that stands for another address when a worker dials again: names are looked up at each dial, but no test has a name server of its own',
  },
  {
    id: 'F32',
    fault: 'IPv6 only, mapped and link-local addresses',
    expected: 'works or is refused in a sentence',
    shownBy: [
      ...shown(wire, 'placement %s over %s only'),
      ...shown(network, 'a link-local address can be listened on', 'listens on %s and is called there'),
    ],
  },
  {
    id: 'F33',
    fault: 'SIGTERM, SIGINT, a second one',
    expected: 'ends at a step boundary with a checkpoint, the second at once; a worker finishes its shards',
    shownBy: [
      ...shown('test/interrupt.test.ts', '%s ends at a step boundary', 'a second Ctrl-C ends at once'),
      ...shown('test/cluster/waiting.test.ts', 'placement %s: one %s ends the wait'),
      ...shown(
        cluster,
        'a worker that is told to leave finishes its shards',
        'a second SIGTERM ends a worker at once',
        'the last worker that holds the state leaves',
      ),
    ],
  },
  {
    id: 'F34',
    fault: 'mixed versions',
    expected: 'refused unless the numerics version is equal',
    shownBy: [
      ...shown(brokenMachines, 'who cannot take part is told why'),
      ...shown(store, 'a checkpoint of another run is refused by what differs'),
    ],
    missing:
      'there is one release yet: a worker says that it has other kernels, or another numerics version, and a checkpoint is forged; no test upgrades a cluster of two builds worker by worker',
  },
  {
    id: 'F35',
    fault: 'attacks on the dashboard',
    expected: 'refused or inert',
    shownBy: [],
    missing: 'there is no dashboard yet',
  },
  {
    id: 'F36',
    fault: 'other numbers of threads and processes, other processors',
    expected: 'one digest',
    shownBy: [
      ...shown('test/determinism.test.ts', '%i threads'),
      ...shown('test/cluster/digests.test.ts', 'the digest is that of one thread'),
      ...shown('test/cluster/examples.test.ts', 'two workers have the digest of one thread'),
    ],
    missing: 'arm64 by hand: scripts/arm64.sh',
  },
  {
    id: 'F37',
    fault: "other versions of Node and tiers of V8's compiler",
    expected: 'one digest',
    shownBy: [...shown('test/determinism.test.ts', 'Node %i'), ...shown(process, 'V8 with %s gives the same digest')],
    missing: '--jitless has no WebAssembly',
  },
  {
    id: 'F38',
    fault: 'all of it at once, for long',
    expected: 'same bits',
    shownBy: [...soaked, ...simulators],
    missing:
      'the tests play each of them once or twice, in a seeded order; longer is run by hand: npm run soak -- --minutes 60. docs/cluster.md has the figures of five minutes of each placement',
  },
];
