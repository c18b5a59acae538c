/** Which entries of the state a transaction may read or change: all follow from its bytes, so they are fetched at once. */
import { clusterAccount } from '../codec/state.ts';
import type { Transaction } from '../types.ts';
import { originOf } from './notes.ts';

export interface Access {
  readonly accounts: readonly Uint8Array[];
  readonly cluster?: string;
  readonly log?: string;
}

export function accessOf({ sender, body }: Transaction): Access {
  switch (body.kind) {
    case 'transfer':
      return { accounts: [sender, body.to] };
    case 'register-cluster':
      return { accounts: [sender, clusterAccount(body.name)], cluster: body.name };
    case 'notarize':
      return { accounts: [sender] };
    case 'anchor':
      return ofLog(sender, body.note);
    case 'evidence':
      return ofLog(sender, body.notes[0]);
  }
}

function ofLog(sender: Uint8Array, note: string): Access {
  const named = originOf(note);
  if (named === undefined) return { accounts: [sender] };
  const { cluster } = named.origin;
  return { accounts: [sender, clusterAccount(cluster)], cluster, log: named.text };
}
