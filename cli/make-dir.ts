import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { cliError } from './errors.ts';
import { reasonOf } from './hash-file.ts';

/**
 * Makes a directory and those above it, one by one: Node's own `recursive` never ends where a file system refuses
 * to make any, such as /proc.
 *
 * @throws PyralogError `cli/file`
 */
export function makeDir(path: string, mode = 0o777): void {
  const missing: string[] = [];
  try {
    let at = path;
    let found = statSync(at, { throwIfNoEntry: false });
    for (
      ;
      found === undefined && dirname(at) !== at;
      found = statSync(at, { throwIfNoEntry: false })
    ) {
      missing.unshift(at);
      at = dirname(at);
    }
    if (found?.isDirectory() === false)
      throw cliError('cli/file', `${at}: is a file, not a directory`);
    for (const dir of missing) mkdirSync(dir, { mode });
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw cliError('cli/file', `${path}: cannot be made (${reasonOf(error)})`, error);
  }
}
