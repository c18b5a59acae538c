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

/** Who pays, and how much with the fee (X3 to X7); undefined for an anchor whose note names no log. */
export function paymentOf(
  transaction: Transaction,
): { readonly payer: Uint8Array; readonly amount: bigint } | undefined {
  const { sender, fee, body } = transaction;
  switch (body.kind) {
    case 'transfer':
      return { payer: sender, amount: fee + body.amount };
    case 'register-cluster':
      return { payer: sender, amount: fee + body.deposit };
    case 'anchor': {
      const named = originOf(body.note);
      if (named === undefined) return undefined;
      return { payer: clusterAccount(named.origin.cluster), amount: fee };
    }
    case 'notarize':
    case 'evidence':
      return { payer: sender, amount: fee };
  }
}
