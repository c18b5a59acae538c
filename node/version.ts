import { readFileSync } from 'node:fs';

/** Version of this repository's package. */
export function versionText(): string {
  const path = new URL('../package.json', import.meta.url);
  const { version }: { version?: unknown } = JSON.parse(readFileSync(path, 'utf8'));
  return String(version);
}
