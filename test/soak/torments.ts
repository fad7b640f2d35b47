import { setTimeout } from 'node:timers/promises';
import type { Random } from '../simulator/random.ts';
import type { ChaosProxy } from '../support/chaos-proxy.ts';
import type { Crew, Hand } from './crew.ts';

/** Something that happens to a run; when it resolves it is over, and others may have happened meanwhile. False where it did not come to anything. */
export type Torment = (crew: Crew, random: Random, job: string) => Promise<boolean>;

/** Freezes and silences: from nothing to twice a lease. */
const whileMs = (random: Random) => random.skewed(200, 3000);

/** How long a bit to flip is waited for, in milliseconds: an idle worker's wires carry little. */
const flipPatienceMs = 5000;

const onSomebody =
  (act: (hand: Hand, crew: Crew, random: Random) => Promise<boolean> | boolean): Torment =>
  async (crew, random) =>
    crew.hands.length > 0 && (await act(random.pick(crew.hands), crew, random));

const sum = ({ wires }: Hand, what: keyof ChaosProxy['done']): number =>
  wires.reduce((n, { done }) => n + done[what], 0);

const join: Torment = async (crew, random) => {
  await crew.hire(random.integer(1, 1e9));
  return true;
};

/** By name; those that are listed twice happen twice as often. As many come as go. */
export const torments: readonly (readonly [string, Torment])[] = [
  [
    'kill',
    onSomebody(async (hand, crew) => {
      await crew.dismiss(hand);
      return true;
    }),
  ],
  [
    'leave',
    onSomebody(async (hand, crew) => {
      hand.worker.kill('SIGTERM');
      // One that is frozen as well leaves when it wakes.
      await Promise.race([hand.worker.exited, setTimeout(4000)]);
      const left = hand.worker.child.exitCode === 0;
      if (crew.hands.includes(hand)) await crew.dismiss(hand);
      return left;
    }),
  ],
  [
    'freeze',
    onSomebody(async ({ worker }, _, random) => {
      worker.kill('SIGSTOP');
      await setTimeout(whileMs(random));
      return worker.kill('SIGCONT');
    }),
  ],
  ['join', join],
  ['join', join],
  ['cut', onSomebody(({ wires }) => wires.map((wire) => wire.cut()).some((connections) => connections > 0))],
  [
    'flip',
    onSomebody(async (hand, crew, random) => {
      const before = sum(hand, 'flipped');
      const directions = hand.wires.flatMap(({ up, down }) => [up, down]);
      for (const direction of directions) direction.flips = random.integer(1, 3);
      const lastMs = performance.now() + flipPatienceMs;
      while (sum(hand, 'flipped') === before && crew.hands.includes(hand) && performance.now() < lastMs)
        await setTimeout(10);
      for (const direction of directions) delete direction.flips;
      return sum(hand, 'flipped') > before;
    }),
  ],
  [
    'silence',
    onSomebody(async (hand, _, random) => {
      const before = sum(hand, 'swallowed');
      const side = random.pick(['up', 'down'] as const);
      for (const wire of hand.wires) wire[side].silent = true;
      await setTimeout(whileMs(random));
      for (const wire of hand.wires) wire[side].silent = false;
      return sum(hand, 'swallowed') > before;
    }),
  ],
  [
    'delay',
    onSomebody(async (hand, _, random) => {
      const before = sum(hand, 'delayed');
      const delayMs = random.integer(1, 30);
      for (const { up, down } of hand.wires) up.delayMs = down.delayMs = delayMs;
      await setTimeout(whileMs(random));
      for (const { up, down } of hand.wires) up.delayMs = down.delayMs = 0;
      return sum(hand, 'delayed') > before;
    }),
  ],
  [
    'freeze of the coordinator',
    async ({ coordinator }, random) => {
      coordinator.kill('SIGSTOP');
      await setTimeout(whileMs(random));
      return coordinator.kill('SIGCONT');
    },
  ],
  [
    'kill of the coordinator',
    async (crew, _, job) => {
      const { coordinator } = crew;
      coordinator.kill();
      await coordinator.exited;
      crew.start(job);
      return true;
    },
  ],
];
