import { equalBytes } from '../base/bytes.ts';
import type { TrustPolicy } from '../receipt/index.ts';
import type { AccountSender } from './account-sender.ts';
import { chainError } from './errors.ts';
import type { ChainReader, Cluster } from './types.ts';

export interface Registration {
  /** Cluster name (I1). */
  readonly name: string;
  /** Whose signatures count: what verifiers pin (T3). */
  readonly policy: Pick<TrustPolicy, 'keys' | 'threshold' | 'faults'>;
  /** Accounts that may send its anchors, 1 to 16. */
  readonly submitters: readonly Uint8Array[];
  /** Moved from the sender to the cluster's account, to pay for anchors. */
  readonly deposit: bigint;
}

/**
 * Registers the cluster (X6) unless the chain has it; then compares (A8), because a chain that counts other keys would refuse every anchor.
 *
 * Resolves once it is final. Rejects with `chain/refused` and what differs, or with the reason why the registration was not taken.
 */
export async function ensureRegistered(
  sender: AccountSender,
  reader: Pick<ChainReader, 'cluster'>,
  wanted: Registration,
): Promise<Cluster> {
  for (;;) {
    sender.checkRunning();
    const found = await reader.cluster(wanted.name);
    if (found !== undefined) {
      checkSame(found, wanted);
      return found;
    }
    const { name, policy, deposit } = wanted;
    const sent = await sender.send({
      kind: 'register-cluster',
      name,
      keys: keysOf(wanted),
      threshold: policy.threshold,
      faults: policy.faults,
      submitters: sorted(wanted.submitters),
      deposit,
    });
    await sender.outcome(sent);
  }
}

function checkSame(found: Cluster, wanted: Registration): void {
  const { threshold, faults } = wanted.policy;
  const differs: string[] = [];
  const keys = keysOf(wanted);
  const has = (name: string, publicKey: Uint8Array) =>
    found.keys.some((key) => key.name === name && equalBytes(key.publicKey, publicKey));
  if (found.keys.length !== keys.length || !keys.every((key) => has(key.name, key.publicKey))) {
    const names = (list: Cluster['keys']) => list.map(({ name }) => name).join(', ');
    differs.push(`keys (there: ${names(found.keys)}; here: ${names(keys)})`);
  }
  if (found.threshold !== threshold) differs.push(`threshold (${found.threshold}, ${threshold})`);
  if (found.faults !== faults) differs.push(`faults (${found.faults}, ${faults})`);
  for (const submitter of wanted.submitters) {
    if (found.submitters.some((key) => equalBytes(key, submitter))) continue;
    differs.push(`submitters (${Buffer.from(submitter).toString('hex')} is none there)`);
  }
  if (differs.length === 0) return;
  throw chainError(
    'chain/refused',
    `the cluster ${wanted.name} is registered otherwise: ${differs.join('; ')}; take another cluster name, or the keys it was registered with (X6)`,
    { data: { rule: 'X6' } },
  );
}

/** Sorted by name, as X6 wants them. */
function keysOf({ policy }: Registration): Cluster['keys'] {
  return policy.keys
    .map(({ name, publicKey }) => ({ name, publicKey }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

function sorted(keys: readonly Uint8Array[]): Uint8Array[] {
  return [...keys].sort((a, b) => Buffer.compare(a, b));
}
