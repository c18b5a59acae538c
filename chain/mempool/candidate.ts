/** A transaction on its way in: what can be said of it without any state (X1, X3, X16). */
import { copyBytes } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import { parseCheckpointBody, parseNote, parseOrigin } from '../../receipt/index.ts';
import { decodeTransaction, minimumFee, transactionIds } from '../codec/transaction.ts';
import { chainError } from '../errors.ts';
import { textKey } from '../text-key.ts';
import type { ChainParameters, Transaction } from '../types.ts';
import { feeTooLow } from './refusals.ts';
import type { Admission } from './types.ts';

export interface Candidate {
  readonly ok: true;
  readonly id: Uint8Array;
  /** {@link textKey} the id, and of the sender. */
  readonly key: string;
  readonly senderKey: string;
  readonly bytes: Uint8Array;
  readonly transaction: Transaction;
  /** Whose account pays for it, of an anchor (X7). */
  readonly cluster: string | undefined;
  /** All that the payer loses by it. */
  readonly cost: bigint;
  /** Fee per byte. */
  readonly rate: number;
}

export interface Rules {
  /** Network id (I3). */
  readonly network: string;
  readonly parameters: Pick<ChainParameters, 'feeBase' | 'feePerByte'>;
}

type Refused = Extract<Admission, { ok: false }>;

/** Each by itself, in order; their ids are one native call. */
export function readCandidates(
  batch: readonly Uint8Array[],
  rules: Rules,
): (Candidate | Refused)[] {
  const ids = transactionIds(batch);
  return batch.map((given, i) => {
    const id = ids[i];
    assert(id !== undefined, 'there is an id for each transaction');
    return readCandidate(given, id, rules);
  });
}

/** Takes a copy: what is handed over may be a part of a much larger message. */
function readCandidate(given: Uint8Array, hash: Uint8Array, rules: Rules): Candidate | Refused {
  const bytes = copyBytes(given);
  const decoded = decodeTransaction(bytes);
  if (!decoded.ok) return malformed(decoded.reason);
  const transaction = decoded.value;
  const { fee, sender } = transaction;
  const minimum = minimumFee(bytes.length, rules.parameters);
  if (fee < minimum) {
    const error = feeTooLow(fee, minimum, `${bytes.length} bytes take (X3)`);
    return { ok: false, error, fault: false };
  }
  const cluster = clusterOf(transaction, rules.network);
  if (typeof cluster === 'object') return cluster;
  // Ids of a batch lie in one piece of memory, which none of them is to keep.
  const id = copyBytes(hash);
  return {
    ok: true,
    id,
    key: textKey(id),
    senderKey: textKey(sender),
    bytes,
    transaction,
    cluster,
    cost: fee + taken(transaction),
    rate: Number(fee) / bytes.length,
  };
}

/** What a transaction takes from its sender beside the fee. */
function taken({ body }: Transaction): bigint {
  if (body.kind === 'transfer') return body.amount;
  return body.kind === 'register-cluster' ? body.deposit : 0n;
}

/** Name of the cluster that pays for an anchor. */
function clusterOf({ body }: Transaction, network: string): string | undefined | Refused {
  if (body.kind !== 'anchor') return undefined;
  const note = parseNote(body.note);
  const checkpoint = note.ok ? parseCheckpointBody(note.value.body) : note;
  if (!checkpoint.ok) return malformed(`the note of the anchor: ${checkpoint.message}`);
  const origin = parseOrigin(checkpoint.value.origin);
  if (!origin.ok) return malformed(`the note of the anchor: ${origin.message}`);
  if (origin.value.network === network) return origin.value.cluster;
  const message = `the log ${checkpoint.value.origin} is of another network than ${network} (X7)`;
  const error = chainError('chain/refused', message, { data: { rule: 'X7' } });
  return { ok: false, error, fault: false };
}

function malformed(reason: string): Refused {
  return { ok: false, error: chainError('chain/malformed', reason), fault: true };
}
