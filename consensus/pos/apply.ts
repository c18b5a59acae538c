import { verifyCommit } from '../../native/index.ts';
import type { BlockInfo } from '../engine.ts';
import { indexOfKey, type Signing } from './signing.ts';
import type { Applied } from './sync.ts';
import type { HostParts } from './types.ts';
import type { SyncedBlock } from './wire.ts';

export interface ApplyDeps extends Pick<HostParts, 'app' | 'chain' | 'log'> {
  readonly signing: Signing | undefined;
  readonly finished: (block: BlockInfo) => void;
}

/**
 * Makes a block final that a peer sent (P32): executed first, because only that tells its id, then its certificate
 * against the set of its height, then looked through for signatures of this node that it does not know of (P26).
 */
export async function applySynced(
  deps: ApplyDeps,
  height: number,
  { bytes, certificate }: SyncedBlock,
): Promise<Applied> {
  const { app, chain, log, signing } = deps;
  if ((app.head()?.height ?? 0) + 1 !== height) return 'late';
  const validators = app.validators(height);
  const verdict = await app.validate(bytes);
  if (!verdict.ok || verdict.block.height !== height || validators === undefined) {
    log.warn({ height, reason: verdict.ok ? 'height' : verdict.reason }, 'synced block refused');
    return 'invalid';
  }
  const { id } = verdict.block;
  const { network } = chain;
  const commit = verifyCommit({ network, validators, height, id, certificate });
  if (!commit.ok) {
    log.warn({ height, reason: commit.reason }, 'certificate of synced block refused');
    return 'invalid';
  }
  const index = signing === undefined ? -1 : indexOfKey(validators, signing.key);
  if (index >= 0) await signing?.certified({ height, id, certificate }, index);
  await app.commit(id, { scheme: 'pos', bytes: certificate });
  deps.finished(verdict.block);
  return 'applied';
}
