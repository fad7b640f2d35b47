import { type JobSpec, MemoryLimitError, numericsVersion } from '@lockstep/core/internal';
import { checkLayout } from './check-layout.ts';
import { checkMetrics, checkPhase } from './check-phase.ts';
import { checkProgram } from './check-program.ts';
import { refuse } from './job-refusal.ts';
import { checkName, checkText, checkUnique } from './names.ts';
import { checkShape, checkWhole } from './numbers.ts';

/** Samples of a batch, and shards that it is cut into, so that nothing is planned that no machine holds. */
const maxBatch = 2 ** 24;
const maxShards = 2 ** 16;
/** Instructions of a step when every shard is computed alone: about 64 bytes each. */
const maxInstructions = 2 ** 25;

/**
 * Everything about a job from the wire that must hold before it is planned. Costs no more than reading it: nothing is allocated by what it
 * says.
 *
 * @param limitBytes memory that the run may take
 * @throws JobRefusal, UsageError of an op's shape rule, or MemoryLimitError
 */
export function checkJob(spec: JobSpec, limitBytes: number): void {
  if (!/^[\w.-]{1,100}$/.test(spec.name)) refuse('the job has a name that is none');
  if (spec.numericsVersion !== numericsVersion)
    refuse(
      `the job has numerics version ${spec.numericsVersion}, this is ${numericsVersion}: use the same release of Lockstep`,
    );
  checkWhole(spec.batch.size, 1, 'batch.size', maxBatch);
  checkWhole(spec.batch.shards, 1, 'batch.shards', Math.min(maxShards, spec.batch.size));
  for (const [what, value] of Object.entries({
    seed: spec.seed,
    steps: spec.steps,
    testLength: spec.testLength,
    watchEvery: spec.watchEvery,
    evalEvery: spec.evalEvery,
    checkpointEvery: spec.checkpointEvery,
  }))
    checkWhole(value, 0, what);
  if (spec.trainLength !== Number.POSITIVE_INFINITY) checkWhole(spec.trainLength, 1, 'trainLength');
  if (spec.ema !== null && !(spec.ema >= 0 && spec.ema < 1)) refuse(`ema.decay is ${spec.ema}`);
  checkText(spec.dataDigest, 'the digest of the data');
  for (const name of spec.hostMetrics) checkName(name, 'a host metric');
  checkUnique(spec.scalars, 'a scalar');
  checkLayout(spec.layout);
  checkFields(spec);
  checkPrograms(spec);
  checkMemory(spec, limitBytes);
}

function checkFields({ fields, gathered, evaluate }: JobSpec): void {
  for (const [list, what] of [
    [fields, 'field'],
    [gathered, 'output'],
  ] as const) {
    checkUnique(
      list.map(({ name }) => name),
      `a ${what}`,
    );
    for (const { name, shape } of list) checkShape(shape, `${what} "${name}"`);
  }
  if (fields.length === 0) refuse('a sample has no fields');
  for (const { name } of gathered) if (!(name in evaluate.outputs)) refuse(`the evaluation has no output "${name}"`);
}

function checkPrograms(spec: JobSpec): void {
  if (spec.phases.length === 0 || spec.phases.length > 64)
    refuse(`the job has ${spec.phases.length} phases, not 1 to 64`);
  const nodes = Math.max(spec.evaluate.nodes.length, ...spec.phases.map(({ program }) => program.nodes.length));
  if (nodes * spec.batch.shards > maxInstructions)
    refuse(
      `${nodes} nodes for each of ${spec.batch.shards} shards are more than ${maxInstructions} instructions: use fewer shards`,
    );
  for (const phase of spec.phases) checkPhase(phase, spec);
  const operands = checkProgram(spec.evaluate, spec, 'the evaluation');
  checkMetrics(spec.evaluateMetrics, spec.evaluate, 'the evaluation');
  for (const { name, dtype, shape } of spec.gathered) {
    const operand = operands[spec.evaluate.outputs[name] as number];
    if (operand?.dtype !== dtype || operand.shape.slice(1).join() !== shape.join())
      refuse(`output "${name}" of the evaluation has another shape than the job says`);
  }
}

/** What the run takes at least; the plan, which comes next, knows it exactly. */
function checkMemory({ name, layout, phases, fields, batch }: JobSpec, limitBytes: number): void {
  const vectors =
    2 + Math.max(...phases.map(({ optimizer }) => new Set(optimizer.groups.flatMap((g) => g.vectors)).size));
  const sample = fields.reduce(
    (sum, { shape, dtype }) => sum + shape.reduce((n, d) => n * d, dtype === 'u8' ? 1 : 4),
    0,
  );
  const least = 4 * layout.length * vectors + sample * batch.size;
  if (least > limitBytes)
    throw new MemoryLimitError(
      `Job "${name}" needs more than ${(least / 2 ** 20).toFixed(1)} MiB for its parameters and a batch, the limit is ${(limitBytes / 2 ** 20).toFixed(1)} MiB.`,
    );
}
