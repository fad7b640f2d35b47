// What lies on a simulated disk: the contents that processes see, those that are on disk for sure, and the changes between the two.

type Chance = () => boolean;
type Inode = SimulatedFile | SimulatedDirectory;

/** What a disk writes as a whole, in bytes. */
const sectorBytes = 512;

type FileChange = { readonly at: number; readonly bytes: Uint8Array } | { readonly length: number };

export class SimulatedFile {
  #seen: Uint8Array = new Uint8Array(0);
  #stable: Uint8Array = new Uint8Array(0);
  #changes: FileChange[] = [];

  write(bytes: Uint8Array, at: number): void {
    this.#change({ at, bytes });
  }

  truncate(length: number): void {
    this.#change({ length });
  }

  sync(): void {
    for (const change of this.#changes) this.#stable = applied(this.#stable, change);
    this.#changes = [];
  }

  /** As Linux does when a sync fails: what could not be written counts as clean from now on, and another sync succeeds without it. */
  loseUnsynced(): void {
    this.#changes = [];
  }

  contents(): Uint8Array {
    return this.#seen.slice();
  }

  survivor(chance: Chance, known: Map<Inode, Inode>): SimulatedFile {
    const copy = new SimulatedFile();
    known.set(this, copy);
    let bytes = this.#stable;
    for (const change of this.#changes) {
      const parts = 'length' in change ? [change] : sectorsOf(change.at, change.bytes);
      for (const part of parts) if (chance()) bytes = applied(bytes, part);
    }
    copy.#seen = bytes;
    copy.#stable = bytes;
    return copy;
  }

  #change(change: FileChange): void {
    this.#seen = applied(this.#seen, change);
    this.#changes.push(change);
  }
}

/** A hole that nobody wrote reads as zeros. */
function applied(bytes: Uint8Array, change: FileChange): Uint8Array {
  if ('length' in change) {
    const cut = new Uint8Array(change.length);
    cut.set(bytes.subarray(0, change.length));
    return cut;
  }
  const result = new Uint8Array(Math.max(bytes.length, change.at + change.bytes.length));
  result.set(bytes);
  result.set(change.bytes, change.at);
  return result;
}

function sectorsOf(at: number, bytes: Uint8Array): FileChange[] {
  const pieces: FileChange[] = [];
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + sectorBytes - ((at + from) % sectorBytes));
    pieces.push({ at: at + from, bytes: bytes.subarray(from, to) });
    from = to;
  }
  return pieces;
}

/** Names that get a new meaning together, or lose it (`undefined`). */
type EntryChange = ReadonlyMap<string, Inode | undefined>;

export class SimulatedDirectory {
  readonly #seen = new Map<string, Inode>();
  readonly #stable = new Map<string, Inode>();
  #changes: EntryChange[] = [];

  names(): string[] {
    return [...this.#seen.keys()];
  }

  file(name: string): SimulatedFile | undefined {
    const inode = this.#seen.get(name);
    return inode instanceof SimulatedFile ? inode : undefined;
  }

  subdirectory(name: string): SimulatedDirectory | undefined {
    const inode = this.#seen.get(name);
    return inode instanceof SimulatedDirectory ? inode : undefined;
  }

  find([first, ...rest]: readonly string[]): SimulatedDirectory | undefined {
    return first === undefined ? this : this.subdirectory(first)?.find(rest);
  }

  /** New ones are on disk at once. */
  makeDirectories([first, ...rest]: readonly string[]): void {
    if (first === undefined) return;
    let next = this.subdirectory(first);
    if (!next) {
      next = new SimulatedDirectory();
      this.#seen.set(first, next);
      this.#stable.set(first, next);
    }
    next.makeDirectories(rest);
  }

  set<I extends Inode>(name: string, inode: I): I {
    this.#change(new Map([[name, inode]]));
    return inode;
  }

  delete(name: string): void {
    this.#change(new Map([[name, undefined]]));
  }

  rename(from: string, to: string): void {
    const inode = this.#seen.get(from);
    const target = this.subdirectory(to);
    if (!inode) throw Object.assign(new Error(`ENOENT: ${from}`), { code: 'ENOENT' });
    if (target && target.names().length > 0) throw Object.assign(new Error(`ENOTEMPTY: ${to}`), { code: 'ENOTEMPTY' });
    this.#change(
      new Map<string, Inode | undefined>([
        [from, undefined],
        [to, inode],
      ]),
    );
  }

  sync(): void {
    for (const change of this.#changes) assign(this.#stable, change);
    this.#changes = [];
  }

  survivor(chance: Chance, known: Map<Inode, Inode>): SimulatedDirectory {
    const copy = new SimulatedDirectory();
    known.set(this, copy);
    const kept = new Map(this.#stable);
    for (const change of this.#changes) if (chance()) assign(kept, change);
    for (const [name, inode] of kept) {
      const survivor = known.get(inode) ?? inode.survivor(chance, known);
      copy.#seen.set(name, survivor);
      copy.#stable.set(name, survivor);
    }
    return copy;
  }

  #change(change: EntryChange): void {
    assign(this.#seen, change);
    this.#changes.push(change);
  }
}

function assign(entries: Map<string, Inode>, change: EntryChange): void {
  for (const [name, inode] of change) {
    if (inode) entries.set(name, inode);
    else entries.delete(name);
  }
}
