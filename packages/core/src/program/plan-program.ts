import { bindShape, type DType } from '../graph/dim.ts';
import { type Emit, findOp, type KernelArgument, type OpDefinition, type Operand } from '../graph/op.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import { ArenaAllocator } from './arena.ts';
import { withEndings } from './endings.ts';
import { finality } from './finality.ts';
import type { Plan, PlanAddresses, PlanRequest } from './plan.ts';
import type { Program } from './program.ts';
import { Scheduler } from './schedule.ts';
import type { NodeStep, Place, Step } from './steps.ts';
import { TapeWriter } from './tape-writer.ts';
import { tileChains } from './tile-chains.ts';
import { validateProgram } from './validate.ts';

const bytesOf: Record<DType, number> = { f32: 4, i32: 4, u8: 1 };

/** Binds a Program to the shards of one run (see `Plan`). Throws a UsageError where the Program is not valid. */
export function planProgram(request: PlanRequest): Plan {
  const { layout, segments, groups = [segments.length] } = request;
  const operands = validateProgram(request.program);
  const { program, absorbed } = withEndings(request.program);
  const { steps, arenaBytes } = new Scheduler(program, operands, layout, segments, groups, absorbed).schedule();
  const samples = segments.reduce((a, b) => a + b, 0);
  const bound = (node: number, rows: number) => bindShape(operands[node]?.shape as Operand['shape'], { batch: rows });
  const bytes = (node: number) => bound(node, samples).reduce((n, d) => n * d, bytesOf[operands[node]?.dtype as DType]);

  const inputs = program.nodes.flatMap(({ op, attributes }, node) =>
    op === 'input' ? [[attributes.field as string, bytes(node)] as const] : [],
  );
  const outputs = Object.entries(program.outputs).map(([name, node]) => [name, bytes(node)] as const);
  const tables = new SegmentTables(segments, arenaBytes);
  const emitter = new StepEmitter(program, operands, bound, segments, tables);
  const dryRun = new TapeWriter();
  for (const step of steps) emitter.write(step, nowhere, dryRun);

  return {
    arenaBytes: tables.end,
    scratchBytes: emitter.scratchBytes,
    inputBytes: Object.fromEntries(inputs),
    outputBytes: Object.fromEntries(outputs),
    steps: steps.length,
    finalAfter: finality(steps, layout),
    encode(addresses, { from, to } = { from: 0, to: steps.length }) {
      const tape = new TapeWriter();
      if (from === 0) tables.write(addresses.arena, tape);
      for (const step of steps.slice(from, to)) emitter.write(step, addresses, tape);
      if (to === steps.length) emitter.endShards(addresses, tape);
      return tileChains(tape.finish());
    },
  };
}

const anyKey = new Proxy({}, { get: () => 0 });
const nowhere: PlanAddresses = {
  parameters: 0,
  inputs: anyKey,
  scalars: anyKey,
  context: 0,
  scratch: 0,
  arena: 0,
  results: anyKey as unknown as readonly number[],
  outputs: anyKey,
};

function addressOf({ region, key, offset }: Place, at: PlanAddresses): number {
  const base = {
    arena: () => at.arena,
    parameters: () => at.parameters,
    result: () => at.results[Number(key)],
    input: () => at.inputs[key],
    scalar: () => at.scalars[key],
    output: () => at.outputs[key],
  }[region]();
  if (base === undefined) throw new Error(`no address for ${region} "${key}"`);
  return base + offset;
}

/** Offset tables of the run's shards, one for each number of rows per sample, written at the start of the tape. */
class SegmentTables {
  readonly #segments: readonly number[];
  readonly #offsets = new Map<number, number>();
  end: number;

  constructor(segments: readonly number[], from: number) {
    this.#segments = segments;
    this.end = from;
  }

  at(rowsPerSample: number): number {
    const known = this.#offsets.get(rowsPerSample);
    if (known !== undefined) return known;
    const offset = this.end;
    this.#offsets.set(rowsPerSample, offset);
    this.end += ArenaAllocator.round((this.#segments.length + 1) * 4);
    return offset;
  }

  write(arena: number, tape: TapeWriter): void {
    for (const [rowsPerSample, offset] of this.#offsets) {
      const table = [0];
      for (const samples of this.#segments) table.push((table.at(-1) as number) + samples * rowsPerSample);
      tape.kernel('literal', arena + offset, table.length, ...table);
    }
  }
}

/** Word of the context block that holds the first sample of the current shard (docs/kernels.md). */
const shardWord = 12;

class StepEmitter {
  scratchBytes = 0;
  #shardStart = 0;
  readonly #program: Program;
  readonly #operands: readonly Operand[];
  readonly #bound: (node: number, samples: number) => number[];
  readonly #segments: readonly number[];
  readonly #tables: SegmentTables;
  /** Tables of a single shard, for ops that always need one. */
  readonly #samples: number;

  constructor(
    program: Program,
    operands: readonly Operand[],
    bound: (node: number, samples: number) => number[],
    segments: readonly number[],
    tables: SegmentTables,
  ) {
    this.#program = program;
    this.#operands = operands;
    this.#bound = bound;
    this.#segments = segments;
    this.#tables = tables;
    this.#samples = segments.reduce((a, b) => a + b, 0);
  }

  write(step: Step, at: PlanAddresses, tape: TapeWriter): void {
    switch (step.kind) {
      case 'node':
        this.#node(step, at, tape);
        return;
      case 'copy':
        writeCopy(addressOf(step.to, at), addressOf(step.from, at), step.elements, tape);
        return;
      case 'zero':
        tape.kernel('fill', addressOf(step.to, at), step.elements, 0);
        return;
      case 'merge': {
        const left = addressOf(step.left, at);
        tape.kernel('addInto', left, left, addressOf(step.right, at), step.elements);
      }
    }
  }

  /** Behind the last shard. */
  endShards(at: PlanAddresses, tape: TapeWriter): void {
    this.#startAt(0, at, tape);
  }

  /** Errors about data name the sample by it. */
  #startAt(sample: number, at: PlanAddresses, tape: TapeWriter): void {
    if (sample !== this.#shardStart) tape.kernel('literal', at.context + shardWord, 1, sample);
    this.#shardStart = sample;
  }

  #node({ node, out, inputs, shard, group }: NodeStep, at: PlanAddresses, tape: TapeWriter): void {
    const { op, attributes, inputs: sources } = this.#program.nodes[node] as Program['nodes'][number];
    const samples = shard === undefined ? this.#samples : (this.#segments[shard] as number);
    const firstSample = shard === undefined ? 0 : this.#segments.slice(0, shard).reduce((a, b) => a + b, 0);
    this.#startAt(firstSample, at, tape);
    const shape = this.#bound(node, samples);
    const definition = findOp(op) as OpDefinition;
    const operands = () => sources.map((source) => this.#operands[source] as Operand);
    const apart = shard === undefined && this.#segments.length > 1 && definition.withinShards?.(operands(), attributes);
    const among = group ?? (apart ? { first: 0, count: this.#segments.length } : undefined);
    const emit: Emit = {
      out: addressOf(out, at),
      shape,
      inputs: inputs.map((place, i) => ({
        address: addressOf(place, at),
        shape: this.#bound(sources[i] as number, samples),
      })),
      attributes,
      nodeId: node,
      context: at.context,
      samples,
      firstSample,
      segments: (rows) => {
        if (!among) return { address: this.#single(rows, at, tape), count: 1, whole: true };
        const table = at.arena + this.#tables.at(rows / samples);
        return { address: table + among.first * 4, count: among.count, whole: false };
      },
      scratch: (bytes) => {
        this.scratchBytes = Math.max(this.scratchBytes, bytes + singleTableBytes);
        return at.scratch + singleTableBytes;
      },
      kernel: (name: KernelName, ...args: KernelArgument[]) => tape.kernel(name, ...args),
    };
    definition.emit?.(emit);
  }

  /** Table [0, rows] at the start of the scratch region. */
  #single(rows: number, at: PlanAddresses, tape: TapeWriter): number {
    this.scratchBytes = Math.max(this.scratchBytes, singleTableBytes);
    tape.kernel('literal', at.scratch, 2, 0, rows);
    return at.scratch;
  }
}

const singleTableBytes = 64;

function writeCopy(to: number, from: number, elements: number, tape: TapeWriter): void {
  const strides = [...Array<number>(5).fill(0), 1];
  tape.kernel('stridedCopy', to, from, ...Array<number>(5).fill(1), elements, ...strides, ...strides);
}
