import { binding } from './binding.ts';

/** A lock that is held. */
export interface ProcessLock {
  /** Gives it back; a second time does nothing. */
  release(): void;
}

/**
 * Locks a file against other processes, and other holders in this one; made if it is missing, left behind empty. The
 * system gives the lock back when the process ends, however that ends.
 *
 * @returns undefined when somebody else holds it
 * @throws Error when the file cannot be opened
 */
export function lockProcess(path: string): ProcessLock | undefined {
  const lock = binding.lockProcess(path) ?? undefined;
  return lock === undefined ? undefined : { release: () => binding.unlockProcess(lock) };
}
