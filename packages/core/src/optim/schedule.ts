import { UsageError } from '../errors.ts';

/** A learning rate over time: a number, a shipped schedule, or a function of the step (from 0). Evaluated once per step, on one machine. */
export type Schedule = number | ScheduleSpec | ((step: number) => number);

export interface ScheduleSpec {
  readonly name: string;
  /** Whether the value depends on evaluations: a run then does not go on before one is done. */
  readonly followsEvaluations?: boolean;
  /**
   * The value of update `step`, from 0, of a run of `totalSteps`.
   *
   * @param losses on the test split, of all evaluations so far, oldest first
   */
  at(step: number, totalSteps: number, losses?: readonly number[]): number;
}

/** What can be a schedule at all; a number must not be negative. */
export function isSchedule(value: unknown): value is Schedule {
  if (typeof value === 'number') return value >= 0 && value < Infinity;
  if (typeof value === 'function') return true;
  // Not only `at`: texts and arrays have one too.
  return typeof value === 'object' && value !== null && 'name' in value && 'at' in value;
}

export function evaluateSchedule(
  schedule: Schedule,
  step: number,
  totalSteps: number,
  losses: readonly number[] = [],
): number {
  if (typeof schedule === 'number') return schedule;
  return typeof schedule === 'function' ? schedule(step) : schedule.at(step, totalSteps, losses);
}

export const followsEvaluations = (schedule: Schedule): boolean =>
  typeof schedule === 'object' && schedule.followsEvaluations === true;

/** @throws UsageError naming the option */
export function requireNumber(
  schedule: string,
  option: string,
  value: number,
  { from = -Infinity, above = -Infinity, most = Infinity, whole = false },
): void {
  const kind = whole ? 'a whole number' : 'a number';
  const finite = typeof value === 'number' && Number.isFinite(value) && (!whole || Number.isInteger(value));
  if (finite && value >= from && value > above && value <= most) return;
  const bounds = [
    ...(above > -Infinity ? [`above ${above}`] : from > -Infinity ? [`of at least ${from}`] : []),
    ...(most < Infinity ? [`of at most ${most}`] : []),
  ];
  throw new UsageError(
    `optim.${schedule}: ${option} must be ${[kind, bounds.join(' and ')].filter(Boolean).join(' ')}, not ${String(value)}.`,
  );
}

/** @throws UsageError where it can be no schedule */
export function requireSchedule(wrapper: string, option: string, value: unknown): void {
  if (isSchedule(value)) return;
  throw new UsageError(
    `optim.${wrapper}: ${option} must be a number of at least 0, a schedule, or a function, not ${String(value)}.`,
  );
}
