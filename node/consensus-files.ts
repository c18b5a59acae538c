import { mkdirSync } from 'node:fs';
import type { DataDirPaths } from './data-dir.ts';

/**
 * Makes the slashing-protection database of a vote key that never signed on this network (P24, P26). Only whoever
 * made the key, or its owner, can say so: a database that is missing is not an empty one.
 *
 * @throws ConsensusError `consensus/protection-exists`
 */
export async function writeConsensusFiles(
  paths: DataDirPaths,
  owner: { readonly network: string; readonly key: Uint8Array },
): Promise<void> {
  const { createProtection, openPosDisk } = await import('../consensus/index.ts');
  mkdirSync(paths.consensus, { recursive: true, mode: 0o700 });
  const disk = await openPosDisk(paths.consensus);
  await createProtection({ disk, random: Math.random }, { ...owner, newValidator: true });
}
