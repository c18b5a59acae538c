import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { versionText } from '../node/index.ts';

export { versionText };

/** Where this repository lies, seen from the sources and from the bundle alike. */
export const ROOT: string = fileURLToPath(new URL('..', import.meta.url));

/** `0.1.0 (commit 1a2b3c4d5e6f)`; without a checkout only the version. */
export function versionLine(): string {
  const commit = commitText();
  return commit === undefined ? versionText() : `${versionText()} (commit ${commit})`;
}

export function commitText(): string | undefined {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, {
        cwd: ROOT,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    return git('rev-parse', '--short=12', 'HEAD');
  } catch {
    return undefined; // no git, or not a checkout: the version alone must do
  }
}
