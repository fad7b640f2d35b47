import type { FileSystem, WritableFile } from '../../packages/coordinator/src/storage/file-system.ts';
import type { Process, World } from './world.ts';

type Entry = File | Directory;

class File {
  bytes: Uint8Array = new Uint8Array(0);
}

/** A directory has what is in it now, and what would be in it after a power cut if nothing more got to the disk. */
class Directory {
  now = new Map<string, Entry>();
  safe = new Map<string, Entry>();
}

/**
 * A disk that keeps what was synchronised. After a power cut each change of a directory since its last synchronisation has happened or
 * not, independently of the others: as bad as any file system may be.
 */
export class Disk {
  readonly #world: World;
  readonly #root = new Directory();
  /** Lines of the journal: written, and safe. */
  journal: string[] = [];
  journalSafe = 0;

  constructor(world: World) {
    this.#world = world;
  }

  powerCut(): void {
    const { random } = this.#world;
    const visit = (directory: Directory) => {
      for (const name of new Set([...directory.now.keys(), ...directory.safe.keys()])) {
        const [now, safe] = [directory.now.get(name), directory.safe.get(name)];
        const left = now === safe || random.chance(0.5) ? now : safe;
        if (left) directory.now.set(name, left);
        else directory.now.delete(name);
        if (left instanceof Directory) visit(left);
      }
      directory.safe = new Map(directory.now);
    };
    visit(this.#root);
    const kept = random.integer(this.journalSafe, this.journal.length);
    this.journal = this.journal.slice(0, kept);
    this.journalSafe = kept;
  }

  /** As a process sees it: every operation takes a while, and does not come back once the process is dead. */
  of(process: Process, failing: () => string | undefined): FileSystem {
    const world = this.#world;
    const operation = <T>(run: () => T, changes = false): Promise<T> => {
      world.promises++;
      return new Promise<T>((resolve, reject) => {
        const settle = (act: () => void) => {
          act();
          // Not before who waits for it has had its turn.
          setImmediate(() => world.promises--);
        };
        const delayMs = world.random.skewed(0.2, changes ? 20 : 2);
        world.after(delayMs, () => {
          if (!process.alive) settle(() => undefined);
          process.now(() => {
            try {
              const code = changes ? failing() : undefined;
              if (code) throw Object.assign(new Error(code), { code });
              const value = run();
              settle(() => resolve(value));
            } catch (error) {
              settle(() => reject(error));
            }
          });
        });
      });
    };
    return {
      makeDirectory: (path) => operation(() => void this.#directory(path, true), true),
      open: (path) =>
        operation((): WritableFile => {
          const [parent, name] = this.#split(path);
          const found = parent.now.get(name);
          const file = found instanceof File ? found : new File();
          parent.now.set(name, file);
          const change = (length: number, bytes: Uint8Array = new Uint8Array(0), at = 0) => {
            const changed = new Uint8Array(length);
            changed.set(file.bytes.subarray(0, length));
            changed.set(bytes, at);
            file.bytes = changed;
          };
          return {
            write: (bytes, at) =>
              operation(() => change(Math.max(file.bytes.length, at + bytes.length), bytes, at), true),
            truncate: (length) => operation(() => change(length), true),
            // That contents get to the disk with their write is not what is tested.
            sync: () => operation(() => undefined, true),
            close: async () => undefined,
          };
        }, true),
      rename: (from, to) =>
        operation(() => {
          const [source, name] = this.#split(from);
          const [target, newName] = this.#split(to);
          const entry = source.now.get(name);
          if (!entry) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
          const there = target.now.get(newName);
          if (there instanceof Directory && there.now.size > 0)
            throw Object.assign(new Error('ENOTEMPTY'), { code: 'ENOTEMPTY' });
          source.now.delete(name);
          target.now.set(newName, entry);
        }, true),
      syncDirectory: (path) =>
        operation(() => {
          const directory = this.#directory(path, false);
          directory.safe = new Map(directory.now);
        }, true),
      read: (path) =>
        operation(() => {
          const [parent, name] = this.#split(path);
          const file = parent.now.get(name);
          if (!(file instanceof File)) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
          return file.bytes.slice();
        }),
      list: (path) =>
        operation(() => {
          try {
            return [...this.#directory(path, false).now.keys()];
          } catch {
            return [];
          }
        }),
      remove: (path) =>
        operation(() => {
          const [parent, name] = this.#split(path);
          parent.now.delete(name);
        }, true),
    };
  }

  #directory(path: string, make: boolean): Directory {
    let at = this.#root;
    for (const part of path.split('/').filter(Boolean)) {
      let next = at.now.get(part);
      if (!next && make) {
        next = new Directory();
        at.now.set(part, next);
        // That a folder was made is not what is tested.
        if (at === this.#root) at.safe.set(part, next);
      }
      if (!(next instanceof Directory)) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      at = next;
    }
    return at;
  }

  #split(path: string): [Directory, string] {
    const at = path.lastIndexOf('/');
    return [this.#directory(path.slice(0, at), false), path.slice(at + 1)];
  }
}
