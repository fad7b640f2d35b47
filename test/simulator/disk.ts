import type { FileSystem } from '../../packages/coordinator/src/storage/file-system.ts';
import { type DiskOperation, SimulatedDisk } from '../../packages/coordinator/src/testing/simulated-disk.ts';
import type { Process, World } from './world.ts';

const reads: readonly DiskOperation[] = ['read', 'list'];

/** The disk that all coordinators of a history share. */
export class Disk {
  readonly #world: World;
  #disk = new SimulatedDisk();

  constructor(world: World) {
    this.#world = world;
  }

  /** What was not forced to disk is there or not. Processes that had it open must be dead. */
  powerCut(): void {
    this.#disk = this.#disk.powerCut(this.#world.random.next);
  }

  /** As a process sees it: every operation takes a while, and does not come back once the process is dead. */
  of(process: Process, failing: () => string | undefined): FileSystem {
    return this.#disk.mount({
      before: (operation, path) => {
        this.#world.trace(`disk of ${process.id}`, { operation, path });
        if (!process.alive) return 'killed';
        const code = reads.includes(operation) ? undefined : failing();
        return code === undefined ? undefined : { code };
      },
      pause: () => process.sleep(this.#world.random.skewed(0.1, 5)),
    });
  }

  /** As whoever looks at it afterwards. */
  get now(): FileSystem {
    return this.#disk.mount();
  }
}
