import { setTimeout } from 'node:timers/promises';
import type { Random } from '../simulator/random.ts';
import type { Crew, Hand } from './crew.ts';

/** Something that happens to a run; when it resolves it is over, and others may have happened meanwhile. */
type Torment = (crew: Crew, random: Random, job: string) => Promise<void>;

/** Freezes and silences: from nothing to twice a lease. */
const whileMs = (random: Random) => random.skewed(200, 3000);

const onSomebody =
  (act: (hand: Hand, crew: Crew, random: Random) => Promise<void> | void): Torment =>
  async (crew, random) => {
    if (crew.hands.length > 0) await act(random.pick(crew.hands), crew, random);
  };

/** By name; those that are listed twice happen twice as often. */
export const torments: readonly (readonly [string, Torment])[] = [
  ['kill', onSomebody((hand, crew) => crew.dismiss(hand))],
  [
    'leave',
    onSomebody(async (hand, crew) => {
      hand.worker.kill('SIGTERM');
      // One that is frozen as well leaves when it wakes.
      await Promise.race([hand.worker.exited, setTimeout(4000)]);
      if (crew.hands.includes(hand)) await crew.dismiss(hand);
    }),
  ],
  [
    'freeze',
    onSomebody(async ({ worker }, _, random) => {
      worker.kill('SIGSTOP');
      await setTimeout(whileMs(random));
      worker.kill('SIGCONT');
    }),
  ],
  ['join', (crew, random) => (crew.hands.length < 4 ? crew.hire(random.integer(1, 1e9)) : Promise.resolve())],
  ['join', (crew, random) => (crew.hands.length < 4 ? crew.hire(random.integer(1, 1e9)) : Promise.resolve())],
  ['cut', onSomebody(({ wire }) => wire.cut())],
  [
    'flip',
    onSomebody(({ wire }, _, random) => {
      const direction = random.pick([wire.up, wire.down]);
      direction.flips = (direction.flips ?? 0) + random.integer(1, 3);
    }),
  ],
  [
    'silence',
    onSomebody(async ({ wire }, _, random) => {
      const direction = random.pick([wire.up, wire.down]);
      direction.silent = true;
      await setTimeout(whileMs(random));
      direction.silent = false;
    }),
  ],
  [
    'delay',
    onSomebody(async ({ wire }, _, random) => {
      wire.up.delayMs = wire.down.delayMs = random.integer(1, 30);
      await setTimeout(whileMs(random));
      wire.up.delayMs = wire.down.delayMs = 0;
    }),
  ],
  [
    'freeze of the coordinator',
    async ({ coordinator }, random) => {
      coordinator.kill('SIGSTOP');
      await setTimeout(whileMs(random));
      coordinator.kill('SIGCONT');
    },
  ],
  [
    'kill of the coordinator',
    async (crew, _, job) => {
      const { coordinator } = crew;
      coordinator.kill();
      await coordinator.exited;
      crew.start(job);
    },
  ],
];
