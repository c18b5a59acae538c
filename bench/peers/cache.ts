import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a peer is kept once it was fetched or built: in the user's cache, by name and version. */
export function peerDir(name: string): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'pyralog', name);
}
