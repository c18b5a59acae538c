import type { Clock } from '../../base/time.ts';
import { MemoryPosDisk, type PosDisk, type PosFile } from '../../consensus/index.ts';

/** How a disk of the simulation behaves. */
export interface DiskManner {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Longest time a sync takes, in milliseconds. */
  readonly syncMsMax: number;
  /** Whether the next write is to fail; asked before each. */
  readonly fails: () => boolean;
}

/** What remains of a machine's engine when it crashes: {@link crash} says what the next life finds. */
export class SimDisk {
  #files: MemoryPosDisk;
  readonly #manner: DiskManner;
  /** Crashes that found something written and not yet synced. */
  tornWrites = 0;
  /** Called once, in the middle of the next sync. */
  duringSync: (() => void) | undefined;
  #syncing = 0;

  constructor(manner: DiskManner) {
    this.#manner = manner;
    this.#files = new MemoryPosDisk({ random: manner.random });
  }

  /** For one life of the machine: a sync takes time of its clock, so that a crash may come before its end. */
  mount(clock: Clock): PosDisk {
    const files = this.#files;
    return {
      open: async (name) => {
        const file = await files.open(name);
        return file === undefined ? undefined : this.#slow(file, clock);
      },
      replace: async (name, bytes) => {
        await this.#wait(clock);
        return this.#slow(await files.replace(name, bytes), clock);
      },
    };
  }

  /** Power is lost now: what was not synced is lost in part, or torn. */
  crash(): void {
    if (this.#syncing > 0) this.tornWrites++;
    this.#syncing = 0;
    this.duringSync = undefined;
    this.#files = this.#files.crash();
  }

  /** Everything on it is gone: a new disk. */
  wipe(): void {
    this.#files = new MemoryPosDisk({ random: this.#manner.random });
  }

  #slow(file: PosFile, clock: Clock): PosFile {
    const check = () => {
      if (this.#manner.fails()) throw new Error('EIO: the disk fails, as the simulation wants');
    };
    return {
      read: () => file.read(),
      append: async (bytes) => {
        check();
        await file.append(bytes);
      },
      truncate: (size) => file.truncate(size),
      sync: async () => {
        check();
        this.#syncing++;
        await this.#wait(clock);
        this.#syncing--;
        await file.sync();
      },
      close: () => file.close(),
    };
  }

  #wait(clock: Clock): Promise<void> {
    const ms = Math.floor(this.#manner.random() * (this.#manner.syncMsMax + 1));
    if (this.duringSync !== undefined && ms > 0) {
      clock.schedule(clock.monotonic() + ms / 2, this.duringSync);
      this.duringSync = undefined;
    }
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      clock.schedule(clock.monotonic() + ms, resolve);
    });
  }
}
