import type { PhaseSpec, Program } from '@lockstep/core/internal';
import { checkOptimizer } from './check-optimizer.ts';
import { checkProgram, type ProgramWorld } from './check-program.ts';
import { refuse } from './job-refusal.ts';
import { checkText, checkUnique } from './names.ts';
import { checkFinite, checkWhole } from './numbers.ts';

/** Statistics begin with sum and weight of each metric, loss first. */
export function checkMetrics(metrics: readonly string[], { statistics }: Program, what: string): void {
  if (metrics.length === 0) return;
  if (metrics[0] !== 'loss') refuse(`${what}: the first metric is not the loss`);
  checkUnique(metrics, `${what}: a metric`);
  metrics.forEach((name, i) => {
    if (statistics[2 * i]?.name !== `${name}.sum` || statistics[2 * i + 1]?.name !== `${name}.weight`)
      refuse(`${what}: the statistics lack sum and weight of "${name}"`);
  });
}

/** @throws JobRefusal */
export function checkPhase(phase: PhaseSpec, world: ProgramWorld): void {
  const what = phase.name === '' ? 'the step' : `phase "${checkText(phase.name, 'a phase')}"`;
  const { layout } = world;
  checkWhole(phase.every, 1, `${what}: every`);
  checkProgram(phase.program, world, what);
  if (phase.metrics.length === 0) refuse(`${what} has no loss`);
  checkMetrics(phase.metrics, phase.program, what);
  const updated = new Set(checkOptimizer(phase.optimizer, layout, what));
  const statistics = phase.program.statistics.length;
  for (const clip of [phase.clipNorm, phase.clipValue])
    if (clip !== null && !(clip > 0)) refuse(`${what}: clipping at ${clip}`);
  for (const { parameters, l1, l2 } of phase.penalties) {
    checkUnique(parameters, `${what}: a parameter of a penalty`);
    for (const name of parameters)
      if (!updated.has(name)) refuse(`${what}: a penalty on "${name}", which it does not train`);
    checkFinite(l1, 0, `${what}: l1`);
    checkFinite(l2, 0, `${what}: l2`);
  }
  checkUnique(
    phase.buffers.map(({ name }) => name),
    `${what}: a buffer`,
  );
  for (const { name, momentum, weight } of phase.buffers) {
    const entry = layout.entries.find((e) => e.name === name);
    if (!entry || entry.offset < layout.trained || !(name in phase.program.gradients))
      refuse(`${what}: "${name}" is no buffer that it moves`);
    if (!(momentum >= 0 && momentum <= 1)) refuse(`${what}: momentum ${momentum} of "${name}"`);
    checkWhole(weight, 0, `${what}: the weight of "${name}"`, statistics - 1);
  }
  for (const { name, index, elementsPerSample } of phase.activations) {
    checkText(name, `${what}: a watched layer`);
    checkWhole(index, 0, `${what}: statistics of "${name}"`, statistics - 2);
    checkFinite(elementsPerSample, 0, `${what}: elements of "${name}"`);
  }
}
