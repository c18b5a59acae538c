import { toHex } from '../base/bytes.ts';

/**
 * Height that validators with more than a third of the power say they have, so that not all of them lie; 0 when so many
 * are not heard of. A peer's vote key is its claim: when several claim one key, the lowest of their heads counts.
 */
export function vouchedHeight(
  validators: readonly { readonly key: Uint8Array; readonly power: bigint }[],
  peers: readonly { readonly voteKey: Uint8Array | undefined; readonly head: number }[],
): number {
  const heads = new Map<string, number>();
  for (const { voteKey, head } of peers) {
    if (voteKey === undefined) continue;
    const key = toHex(voteKey);
    heads.set(key, Math.min(head, heads.get(key) ?? head));
  }
  const total = validators.reduce((sum, { power }) => sum + power, 0n);
  const told = validators
    .map(({ key, power }) => ({ head: heads.get(toHex(key)) ?? 0, power }))
    .toSorted((a, b) => b.head - a.head);
  let together = 0n;
  for (const { head, power } of told) {
    together += power;
    if (3n * together > total) return head;
  }
  return 0;
}
