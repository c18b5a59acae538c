import type { ProcessLock } from '../native/index.ts';

export type { ProcessLock };

/**
 * Locks a file against other processes until it is released or this process ends. Undefined when somebody else holds it.
 * Loads the native core only when it is called.
 */
export async function lockProcess(path: string): Promise<ProcessLock | undefined> {
  return (await import('../native/index.ts')).lockProcess(path);
}
