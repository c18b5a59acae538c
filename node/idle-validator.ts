import { equalBytes } from '../base/bytes.ts';
import type { Genesis } from '../receipt/index.ts';

/**
 * Name of the genesis validator whose fees go to this node's account, while the node has no vote key: a validator that
 * follows the chain as if it were none, and whose absence the network counts as a fault. undefined when all is well.
 */
export function idleValidator(
  { chain }: Pick<Genesis, 'chain'>,
  keys: { readonly vote: unknown; readonly account: Uint8Array | undefined },
): string | undefined {
  const { vote, account } = keys;
  if (vote !== undefined || account === undefined) return undefined;
  return chain?.validators.find((one) => equalBytes(one.account, account))?.name;
}

/** What to do about it, for people. */
export function idleValidatorText(name: string): string {
  return `genesis names this node's account as that of validator ${name}, but there is no vote key: it follows and never votes; bring back keys/vote.json and consensus/protection.db`;
}
