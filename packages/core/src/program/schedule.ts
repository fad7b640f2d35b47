import { bindShape, type DType } from '../graph/dim.ts';
import { findOp, type OpDefinition, type Operand } from '../graph/op.ts';
import { ArenaAllocator } from './arena.ts';
import type { ParameterLayout } from './layout.ts';
import { type Role, rolesOf } from './partition.ts';
import type { Program } from './program.ts';
import { type Result, resultsOf } from './results.ts';
import { arenaPlace, type Place, resultPlace, type Schedule, type ShardGroup, type Step, shifted } from './steps.ts';

const bytesOf: Record<DType, number> = { f32: 4, i32: 4, u8: 1 };

/**
 * Orders the nodes of a Program for one run of shards and gives every value a fixed place: liveness by counting readers, buffers
 * reused as soon as the last reader is done, results written straight to where they are wanted.
 */
export class Scheduler {
  readonly #program: Program;
  /** Nodes that another one computes as a part of itself. */
  readonly #absorbed: ReadonlySet<number>;
  readonly #operands: readonly Operand[];
  readonly #segments: readonly number[];
  readonly #samples: number;
  readonly #roles: readonly Role[];
  readonly #layout: ParameterLayout;
  readonly #groups: readonly ShardGroup[];
  readonly #allocator = new ArenaAllocator();
  readonly #steps: Step[] = [];
  readonly #places = new Map<number, Place>();
  readonly #readers: number[];
  readonly #pinned = new Map<number, Place>();

  constructor(
    program: Program,
    operands: readonly Operand[],
    layout: ParameterLayout,
    segments: readonly number[],
    groups: readonly number[],
    absorbed: ReadonlySet<number> = new Set(),
  ) {
    this.#program = program;
    this.#absorbed = absorbed;
    this.#operands = operands;
    this.#layout = layout;
    this.#segments = segments;
    let first = 0;
    this.#groups = groups.map((count) => {
      first += count;
      return { first: first - count, count };
    });
    this.#samples = segments.reduce((a, b) => a + b, 0);
    // One shard by itself needs no parts: every node is computed once.
    this.#roles = segments.length > 1 ? rolesOf(program, operands) : program.nodes.map(() => 'rows' as const);
    this.#readers = this.#countReaders();
  }

  schedule(): Schedule {
    const results = resultsOf(this.#program, this.#layout, (node) => this.#bytes(node) / 4);
    const isLate = ({ node, summed }: Result) =>
      this.#segments.length > 1 && (summed ? this.#roles[node] !== 'segmented' : this.#roles[node] === 'late');
    const early = results.filter((result) => !isLate(result));
    this.#zeroMissingGradients();
    this.#pin(early);
    this.#program.nodes.forEach((_, node) => {
      if (this.#roles[node] !== 'late' && this.#isComputed(node)) this.#compute(node);
    });
    for (const result of early) {
      if (this.#roles[result.node] === 'segmented') this.#deliverToGroups(result);
      else this.#deliver(result, this.#placeOf(result.node), result.to);
    }
    const late = results.filter(isLate);
    if (this.#segments.length > 1) this.#scheduleLate(late);
    return { steps: this.#steps, arenaBytes: this.#allocator.peak };
  }

  #zeroMissingGradients(): void {
    if (Object.keys(this.#program.gradients).length === 0) return;
    for (const { name, offset, size } of this.#layout.entries) {
      if (this.#program.gradients[name] === undefined) {
        this.#groups.forEach((_, group) => {
          this.#steps.push({ kind: 'zero', to: resultPlace(group, offset * 4), elements: size });
        });
      }
    }
  }

  /** Lets a node write its result where it is wanted instead of into the arena. */
  #pin(results: readonly Result[]): void {
    for (const { node, to } of results) {
      const root = this.#root(node);
      if (this.#isComputed(root) && !this.#pinned.has(root)) this.#pinned.set(root, to);
    }
  }

  /** A sum that is wanted in a second place as well. */
  #deliverToGroups(result: Result): void {
    const from = this.#placeOf(result.node);
    this.#groups.forEach((_, g) => {
      this.#deliver(result, { ...from, key: String(g) }, { ...result.to, key: String(g) });
    });
  }

  #deliver({ elements }: Result, from: Place, to: Place): void {
    const same = from.region === to.region && from.key === to.key && from.offset === to.offset;
    if (!same) this.#steps.push({ kind: 'copy', from, to, elements });
  }

  #compute(node: number): void {
    const inputs = (this.#program.nodes[node] as Program['nodes'][number]).inputs;
    const out = this.#pinned.get(node) ?? this.#reuse(node) ?? arenaPlace(this.#allocator.allocate(this.#bytes(node)));
    this.#places.set(node, out);
    const from = inputs.map((input) => this.#placeOf(input));
    if (this.#roles[node] === 'segmented') {
      // Always a result, so it is pinned: to the same place of each result vector.
      this.#groups.forEach((group, g) => {
        const place = { ...out, key: String(g) };
        this.#steps.push({ kind: 'node', node, out: place, inputs: from, shard: undefined, group });
      });
    } else this.#steps.push({ kind: 'node', node, out, inputs: from, shard: undefined, group: undefined });
    for (const root of new Set(inputs.map((input) => this.#root(input)))) this.#finishRead(root, out);
    if (this.#readers[node] === 0 && out.region === 'arena') this.#allocator.release(out.offset, this.#bytes(node));
  }

  #finishRead(root: number, heir: Place): void {
    this.#readers[root] = (this.#readers[root] as number) - 1;
    const place = this.#places.get(root);
    if (this.#readers[root] !== 0 || !place || place.region !== 'arena' || place.offset === heir.offset) return;
    this.#allocator.release(place.offset, this.#bytes(root));
  }

  /** The buffer of an input that nobody reads afterwards, where the op may overwrite it. */
  #reuse(node: number): Place | undefined {
    const { op, inputs } = this.#program.nodes[node] as Program['nodes'][number];
    for (const i of (findOp(op) as OpDefinition).inPlace ?? []) {
      const root = this.#root(inputs[i] as number);
      const place = this.#places.get(root);
      if (place?.region === 'arena' && this.#readers[root] === 1 && this.#bytes(root) === this.#bytes(node))
        return place;
    }
    return undefined;
  }

  /** Shard by shard what cannot be merged, then the tree over the results: a binary counter of partial sums. */
  #scheduleLate(late: readonly Result[]): void {
    const results = late.filter(({ summed }) => summed);
    const outputs = late.filter(({ summed }) => !summed);
    const depth = Math.ceil(Math.log2(this.#segments.length)) + 1;
    const waiting = results.map((result) =>
      Array.from({ length: depth }, () => arenaPlace(this.#allocator.allocate(result.elements * 4))),
    );
    let slots: Place[][] = [];
    let filled = 0;
    const merge = () => {
      filled--;
      results.forEach(({ elements }, r) => {
        const [left, right] = [slots[r]?.[filled - 1] as Place, slots[r]?.[filled] as Place];
        this.#steps.push({ kind: 'merge', left, right, elements });
      });
    };
    let firstSample = 0;
    this.#groups.forEach(({ first, count }, group) => {
      slots = results.map(({ to }, r) => [{ ...to, key: String(group) }, ...(waiting[r] as Place[])]);
      filled = 0;
      for (let i = 0; i < count; i++) {
        const samples = this.#segments[first + i] as number;
        const to = [
          ...slots.map((slot) => slot[filled] as Place),
          ...outputs.map((output) => shifted(output.to, (this.#bytes(output.node) / this.#samples) * firstSample)),
        ];
        this.#computeShard(first + i, firstSample, samples, [...results, ...outputs], to);
        filled++;
        firstSample += samples;
        for (let merged = i + 1; merged % 2 === 0; merged /= 2) merge();
      }
      while (filled > 1) merge();
    });
  }

  #computeShard(shard: number, first: number, samples: number, results: readonly Result[], to: readonly Place[]): void {
    const places = new Map<number, Place>();
    const placeOf = (node: number): Place => {
      const root = this.#root(node);
      const own = places.get(root);
      if (own) return own;
      const whole = this.#placeOf(root);
      return this.#roles[root] === 'rows' ? shifted(whole, (this.#bytes(root) / this.#samples) * first) : whole;
    };
    const pinned = new Map<number, Place>();
    results.forEach(({ node }, r) => {
      const root = this.#root(node);
      if (this.#roles[root] === 'late' && this.#isComputed(root) && !pinned.has(root)) pinned.set(root, to[r] as Place);
    });
    const held: { offset: number; bytes: number }[] = [];
    this.#program.nodes.forEach(({ inputs }, node) => {
      if (this.#roles[node] !== 'late' || !this.#isComputed(node)) return;
      const bytes = this.#bytes(node, samples);
      let out = pinned.get(node);
      if (!out) {
        out = arenaPlace(this.#allocator.allocate(bytes));
        held.push({ offset: out.offset, bytes });
      }
      places.set(node, out);
      this.#steps.push({ kind: 'node', node, out, inputs: inputs.map(placeOf), shard, group: undefined });
    });
    results.forEach((result, r) => {
      const elements = result.summed ? result.elements : this.#bytes(result.node, samples) / 4;
      this.#deliver({ ...result, elements }, placeOf(result.node), to[r] as Place);
    });
    for (const { offset, bytes } of held) this.#allocator.release(offset, bytes);
  }

  #isComputed(node: number): boolean {
    const op = findOp(this.#program.nodes[node]?.op as string);
    return op?.emit !== undefined && !this.#absorbed.has(node);
  }

  /** The node whose buffer this is: aliases share their input's. */
  #root(node: number): number {
    let root = node;
    while (findOp(this.#program.nodes[root]?.op as string)?.alias)
      root = this.#program.nodes[root]?.inputs[0] as number;
    return root;
  }

  #placeOf(node: number): Place {
    const root = this.#root(node);
    const { op, attributes } = this.#program.nodes[root] as Program['nodes'][number];
    if (op === 'input') return { region: 'input', key: attributes.field as string, offset: 0 };
    if (op === 'scalar') return { region: 'scalar', key: attributes.name as string, offset: 0 };
    if (op === 'parameter') {
      const entry = this.#layout.entries.find(({ name }) => name === attributes.name);
      if (!entry) throw new Error(`parameter ${String(attributes.name)} is not in the layout`);
      return { region: 'parameters', key: '', offset: entry.offset * 4 };
    }
    const place = this.#places.get(root);
    if (!place) throw new Error(`node ${root} (${op}) is read before it is computed`);
    return place;
  }

  #bytes(node: number, samples = this.#samples): number {
    const { shape, dtype } = this.#operands[node] as Operand;
    return bindShape(shape, { batch: samples }).reduce((n, d) => n * d, bytesOf[dtype]);
  }

  /** Readers of each buffer; one that a late node or a result reads is never given back. */
  #countReaders(): number[] {
    const readers = Array<number>(this.#program.nodes.length).fill(0);
    this.#program.nodes.forEach(({ inputs }, node) => {
      if (!this.#isComputed(node)) return;
      for (const root of new Set(inputs.map((input) => this.#root(input)))) {
        readers[root] = this.#roles[node] === 'late' ? Number.POSITIVE_INFINITY : (readers[root] as number) + 1;
      }
    });
    const { gradients, statistics, outputs } = this.#program;
    for (const node of [...Object.values(gradients), ...statistics.map((s) => s.node), ...Object.values(outputs)]) {
      readers[this.#root(node)] = Number.POSITIVE_INFINITY;
    }
    return readers;
  }
}
