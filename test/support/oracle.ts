import {
  deriveKey,
  firstFreeAddress,
  instantiateKernels,
  type JobSpec,
  loadKernelModule,
  Permutation,
  type Plan,
  planProgram,
  resultLayoutOf,
  TapeWriter,
  type TracedJob,
} from '@lockstep/core/internal';

/**
 * The slowest way to train: one thread, every shard by itself, all results in one place, then the tree as it is defined.
 * What the engine gives must be the same bits.
 */
export async function trainByTheBook(
  traced: TracedJob,
  steps: number,
  { widen = true, reduce = 'f32' }: { widen?: boolean; reduce?: 'f32' | 'bf16' } = {},
): Promise<Float32Array> {
  const { spec, host, initialParameters } = traced;
  const machine = new Machine(spec, initialParameters, widen);
  // Only gradients of parameters are rounded, neither sums of buffers nor statistics.
  const round = (value: number, i: number) => (reduce === 'bf16' && i < spec.layout.trained ? toBf16(value) : value);
  for (let step = 0; step < steps; step++) {
    const values = await host.stepValues(step, []);
    const leaves: (Float32Array | null)[] = [];
    const samples = await batchOf(spec, step);
    for (let s = 0; s < spec.batch.shards; s++) {
      const from = Math.floor((s * samples.length) / spec.batch.shards);
      const to = Math.floor(((s + 1) * samples.length) / spec.batch.shards);
      const leaf = from < to && (await machine.shard(traced, step, samples.slice(from, to), from, values.scalars));
      leaves.push(leaf ? leaf.map(round) : null);
    }
    machine.update(tree(leaves, 0, leaves.length, round) as Float32Array, values.learningRates);
  }
  return machine.parameters();
}

async function batchOf(spec: JobSpec, step: number): Promise<number[]> {
  const perEpoch = Math.ceil(spec.trainLength / spec.batch.size);
  const epoch = Math.floor(step / perEpoch);
  const first = (step % perEpoch) * spec.batch.size;
  const order = new Permutation(spec.trainLength, deriveKey(spec.seed, 'shuffle', epoch));
  const count = Math.min(spec.batch.size, spec.trainLength - first);
  return Array.from({ length: count }, (_, i) => order.at(first + i));
}

/** [lo, hi) splits at lo + the largest power of two below hi - lo; its value is left + right. Empty shards are absent, not zero. */
function tree(
  leaves: readonly (Float32Array | null)[],
  lo: number,
  hi: number,
  round: (value: number, i: number) => number,
): Float32Array | null {
  if (hi - lo === 1) return leaves[lo] as Float32Array | null;
  let half = 1;
  while (half * 2 < hi - lo) half *= 2;
  const [left, right] = [tree(leaves, lo, lo + half, round), tree(leaves, lo + half, hi, round)];
  if (!left || !right) return left ?? right;
  return left.map((x, i) => round(Math.fround(x + (right[i] as number)), i));
}

const word = new DataView(new ArrayBuffer(4));

/** Of the two neighbours with eight significant bits the nearer one, of two as near the even one. */
function toBf16(x: number): number {
  word.setFloat32(0, x);
  const bits = word.getUint32(0);
  const low = bits & 0xffff0000;
  const rest = bits & 0xffff;
  const up = rest > 0x8000 || (rest === 0x8000 && (low & 0x10000) !== 0);
  word.setUint32(0, (low + (up ? 0x10000 : 0)) >>> 0);
  return word.getFloat32(0);
}

class Machine {
  readonly #spec: JobSpec;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: ReturnType<typeof instantiateKernels>;
  readonly #plans = new Map<number, Plan>();
  #end = firstFreeAddress;
  readonly #parameters: number;
  readonly #moments: readonly number[];
  readonly #context: number;
  readonly #result: number;
  #updates = 0;
  #powers: number[][] = [];

  constructor(spec: JobSpec, initial: Float32Array, widen: boolean) {
    this.#spec = spec;
    this.#memory = new WebAssembly.Memory({ initial: 16384, maximum: 16384, shared: true });
    this.#kernels = instantiateKernels(loadKernelModule({ widen }).module, this.#memory);
    this.#parameters = this.#reserve(initial.byteLength);
    this.#moments = this.#phase.optimizer.vectors.map(() => this.#reserve(initial.byteLength));
    this.#context = this.#reserve(256);
    this.#result = this.#reserve(this.#layout().length * 4);
    this.#floats(this.#parameters, initial.length).set(initial);
  }

  /** The oracle knows jobs of a single phase. */
  get #phase() {
    return this.#spec.phases[0] as JobSpec['phases'][number];
  }

  #layout() {
    return resultLayoutOf(
      this.#spec.layout,
      this.#phase.program.statistics.map(({ name }) => name),
    );
  }

  #reserve(bytes: number): number {
    const address = this.#end;
    this.#end += Math.ceil(bytes / 64) * 64;
    return address;
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, length);
  }

  parameters(): Float32Array {
    return this.#floats(this.#parameters, this.#spec.layout.length).slice();
  }

  #run(tape: Uint32Array, at: number): void {
    new Uint32Array(this.#memory.buffer, at, tape.length).set(tape);
    this.#kernels.run(at, at + tape.byteLength);
  }

  async shard(traced: TracedJob, step: number, indices: number[], position: number, scalars: readonly number[]) {
    const { spec, host } = traced;
    let plan = this.#plans.get(indices.length);
    if (!plan) {
      plan = planProgram({ program: this.#phase.program, layout: spec.layout, segments: [indices.length] });
      this.#plans.set(indices.length, plan);
    }
    const mark = this.#end;
    const inputs: Record<string, number> = {};
    const views: Record<string, Float32Array | Int32Array | Uint8Array> = {};
    for (const { name, dtype, shape } of spec.fields) {
      const length = shape.reduce((n, d) => n * d, 1) * indices.length;
      const address = this.#reserve(length * 4);
      const Type = { f32: Float32Array, i32: Int32Array, u8: Uint8Array }[dtype];
      inputs[name] = address;
      views[name] = new Type(this.#memory.buffer, address, length);
    }
    await host.fill('train', indices, views);
    const scalarAddresses = Object.fromEntries(
      spec.scalars.map((name, i) => {
        const address = this.#reserve(4);
        this.#floats(address, 1)[0] = scalars[i] as number;
        return [name, address];
      }),
    );
    const context = new Uint32Array(this.#memory.buffer, this.#context, 12);
    context.set([...deriveKey(spec.seed, 'dropout', step), position]);
    const arena = this.#reserve(plan.arenaBytes);
    const scratch = this.#reserve(plan.scratchBytes);
    const tape = plan.encode({
      parameters: this.#parameters,
      inputs,
      scalars: scalarAddresses,
      context: this.#context,
      scratch,
      arena,
      results: [this.#result],
      outputs: {},
    });
    this.#run(tape, this.#reserve(tape.byteLength));
    this.#end = mark;
    return this.#floats(this.#result, this.#layout().length).slice();
  }

  /** Norm, clipping and the optimizer, over the whole vector at once. */
  update(root: Float32Array, learningRates: readonly number[]): void {
    const { layout } = this.#spec;
    const { optimizer, clipNorm, clipValue } = this.#phase;
    const weight = root[this.#layout().gradients + 1] as number;
    const mark = this.#end;
    const gradient = this.#reserve(root.byteLength);
    this.#floats(gradient, root.length).set(root);
    const blocks = Math.ceil(layout.length / 4096);
    const sums = this.#reserve(blocks * 8);
    const tape = new TapeWriter();
    tape.kernel('blockSumSquares', sums, gradient, layout.length);
    const norms = tape.finish();
    this.#run(norms, this.#reserve(norms.byteLength));
    const total = treeF64([...new Float64Array(this.#memory.buffer, sums, blocks)]);
    const norm = Math.sqrt(total) / weight;
    const clip = clipNorm === null ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
    const scale = Math.fround(clip / weight);
    this.lastNorm = norm;
    this.lastLoss = (root[this.#layout().gradients] as number) / weight;
    this.#updates++;
    optimizer.groups.forEach((group, g) => {
      const lr = learningRates[g] as number;
      const ranges = layout.entries.filter(({ name }) => group.parameters.includes(name));
      const hyper = this.#reserve(64);
      const powers = (this.#powers[g] ?? [1, 1]).map((power, i) => power * (group.rates[i] as number));
      this.#powers[g] = powers;
      const corrections = [1 - (powers[0] as number), Math.sqrt(1 - (powers[1] as number))];
      const block = [lr, scale, this.#updates, ...corrections, clipValue ?? Number.POSITIVE_INFINITY, ...group.options];
      this.#floats(hyper, block.length).set(block);
      const writer = new TapeWriter();
      for (const { offset, size } of ranges) {
        const at = offset * 4;
        const vectors = optimizer.vectors.map((name, i) =>
          group.vectors.includes(name) ? (this.#moments[i] as number) + at : 0,
        );
        writer.kernel(optimizer.kernel, this.#parameters + at, gradient + at, size, hyper, ...vectors);
      }
      const update = writer.finish();
      this.#run(update, this.#reserve(update.byteLength));
    });
    this.#end = mark;
  }

  lastLoss = Number.NaN;
  lastNorm = Number.NaN;
}

function treeF64(values: readonly number[]): number {
  if (values.length === 1) return values[0] as number;
  let half = 1;
  while (half * 2 < values.length) half *= 2;
  return treeF64(values.slice(0, half)) + treeF64(values.slice(half));
}
