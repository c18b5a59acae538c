/** Tasks waiting above which links are not read (P31). */
const WAITING_MAX = 1_024;

/** Runs one task at a time, in the order they came (P20). A task that throws goes to `onBug` and the next one runs. */
export class WorkQueue {
  readonly #onBug: (bug: unknown) => void;
  #tasks: (() => Promise<void> | undefined)[] = [];
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  #roomy: PromiseWithResolvers<void> | undefined;

  constructor(onBug: (bug: unknown) => void) {
    this.#onBug = onBug;
  }

  push(task: () => Promise<void> | undefined): void {
    this.#tasks.push(task);
    if (this.#isRunning) return; // also while the first task runs, which may push more
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Resolves when fewer tasks wait than may; undefined when that is so. */
  room(): Promise<void> | undefined {
    if (this.#tasks.length < WAITING_MAX) return undefined;
    this.#roomy ??= Promise.withResolvers<void>();
    return this.#roomy.promise;
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.#isRunning) await this.#running;
  }

  async #run(): Promise<void> {
    for (let at = 0; at < this.#tasks.length; at++) {
      try {
        await this.#tasks[at]?.();
      } catch (bug) {
        this.#onBug(bug);
      }
      // Cut off what is done, but not at every task: that would be quadratic.
      if (at >= 255) {
        this.#tasks = this.#tasks.slice(at + 1);
        at = -1;
      }
      if (this.#tasks.length < WAITING_MAX) this.#makeRoom();
    }
    this.#tasks = [];
    this.#isRunning = false;
    this.#makeRoom();
  }

  #makeRoom(): void {
    this.#roomy?.resolve();
    this.#roomy = undefined;
  }
}
