import type { ComputedMessage, Failed, Regrouped, TreeNode, Updated } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import type { Pace } from '../membership/pace.ts';
import type { ClusterEffect, ClusterInput, ClusterOptions, FromCoordinatorMessage, ItemSpec } from './effects.ts';

/** What a worker answers within an item. */
export type RoundMessage =
  | { readonly case: 'computed'; readonly value: ComputedMessage }
  | { readonly case: 'updated'; readonly value: Updated }
  | { readonly case: 'regrouped'; readonly value: Regrouped }
  | { readonly case: 'failed'; readonly value: Failed };

/** How one item is brought through, whoever comes and goes: the policy of a mode. A round ends with `done`. */
export interface Round {
  readonly spec: ItemSpec;
  /** Finished steps by now. */
  readonly step: number;
  readonly done: boolean;
  /** Nobody is left who could go on with it. */
  readonly stranded: boolean;
  /** The item that is asked for next, as far as it is known: so that its samples can be fetched ahead. */
  upcoming?: ItemSpec;
  /** Whether what is said of this item is the round's matter: its own, and those that it made of it. */
  concerns(item: number): boolean;
  /** Whether the member still has something that the round needs. */
  needs(member: Member): boolean;
  start(): void;
  received(member: Member, message: RoundMessage, term: number): void;
  /** Data has arrived, or could not be fetched, or the own update was applied, or there is more to do. */
  told(input: Extract<ClusterInput, { kind: 'arrived' | 'missed' | 'updated' | 'ticket' }>): void;
  /** There are takers who were not there before. */
  joined(): void;
  /** The member is gone and the term raised. Shards that are to be computed by others now. */
  lost(member: Member): readonly number[];
  /** Whether the sums of these shards are safe: nobody has to compute them again. */
  covers(shards: readonly number[]): boolean;
  tick(): void;
}

/** What a round may use of its cluster. */
export interface RoundContext {
  readonly options: ClusterOptions;
  readonly pace: Pace;
  now(): number;
  term(): number;
  /** Who can be part of an item once it holds what is needed, in the order in which they came. */
  able(): readonly Member[];
  /** Who can be given work of the current item. */
  takers(): readonly Member[];
  /** Who of these computes which shards of a whole batch. */
  ranges(spec: ItemSpec, members: readonly Member[]): readonly TreeNode[];
  /** The item whose parameters are current. */
  stateItem(): number;
  /** Parameters after this item are current now, in the middle of a round. */
  advance(item: number): void;
  /** A number that no item has had. */
  nextItem(): number;
  say(member: Member, message: FromCoordinatorMessage): void;
  act(effect: ClusterEffect): void;
  lose(member: Member, reason: string): void;
  refuse(what: string): void;
}
