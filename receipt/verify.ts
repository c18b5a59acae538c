// SPDX-License-Identifier: Apache-2.0
/**
 * The verdict: what a receipt proves about somebody's data (V5–V7, F8).
 *
 * It is a value, also for the worst input. The order of the checks is part of the
 * format: everyone who verifies the same receipt gets the same first reason.
 */
import { equalBytes, toHex } from '../base/bytes.ts';
import { parseCheckpoint, type SignedCheckpoint } from './checkpoint.ts';
import { verifyNote } from './cosignature.ts';
import { knownScheme, unknownChain, verifyFinality } from './finality.ts';
import { parseOrigin } from './identity.ts';
import { treeHash, verifyInclusion } from './merkle.ts';
import { receiptProblem } from './receipt.ts';
import { encodeLeafRecord, leafRecordOf } from './record.ts';
import { accept, type Parsed, type Refusal, refuse } from './refusal.ts';
import { coversLiars, findChain, findPolicy } from './trust.ts';
import type {
  Checkpoint,
  Finality,
  Note,
  Receipt,
  Signer,
  TrustPolicy,
  TrustRoot,
  TrustStore,
  Verified,
} from './types.ts';

/**
 * Verifies a receipt that was read by one of the decoders (V5).
 *
 * @param digest of the data, under `receipt.record.algorithm`
 * @param trust pinned policies and chains; nothing in the receipt is ever taken for a key
 */
export function verifyReceipt(
  receipt: Receipt,
  digest: Uint8Array,
  trust: TrustStore,
): Verified | Refusal {
  const malformed = receiptProblem(receipt) ?? dataProblem(receipt, digest);
  if (malformed !== undefined) return malformed;
  const signed = provenCheckpoint(receipt);
  if (!signed.ok) return signed;
  const { checkpoint, note } = signed.value;
  const chain = chainOf(receipt, trust);
  const policy = findPolicy(trust, receipt.origin);
  if (policy === undefined && (chain === undefined || receipt.finality === undefined)) {
    return unknownLog(receipt.origin, trust);
  }
  const signers = policy === undefined ? accept([]) : policySigners(note, policy);
  if (!signers.ok) return signers;
  const final = finalityOf(receipt, checkpoint, chain);
  if (!final.ok) return final;
  const record = {
    ok: true,
    origin: receipt.origin,
    offset: receipt.record.offset,
    scarabId: receipt.record.scarabId,
    size: checkpoint.size,
  } as const;
  if (policy === undefined) {
    return final.value === undefined
      ? unknownLog(receipt.origin, trust)
      : { ...record, level: 'final', basis: 'chain', final: final.value };
  }
  return {
    ...record,
    level: final.value === undefined ? 'checkpoint' : 'final',
    basis: 'policy',
    claimedTime: checkpoint.time,
    signers: signers.value,
    threshold: policy.threshold,
    keys: policy.keys.length,
    coversLiars: coversLiars(policy),
    scope: policy.scope,
    ...(final.value && { final: final.value }),
  };
}

/** Who signed, when they are enough (V5). */
function policySigners(note: Note, policy: TrustPolicy): Parsed<readonly Signer[]> {
  const signers = verifyNote(note, policy.keys);
  if (!signers.ok || signers.value.length >= policy.threshold) return signers;
  return tooFew(signers.value, policy);
}

/** The pinned chain of the receipt's network. */
function chainOf({ origin }: Receipt, trust: TrustStore): TrustRoot | undefined {
  const parsed = parseOrigin(origin);
  return parsed.ok ? findChain(trust, parsed.value.network) : undefined;
}

function dataProblem({ record }: Receipt, digest: Uint8Array): Refusal | undefined {
  if (equalBytes(record.digest, digest)) return undefined;
  return refuse(
    'receipt/wrong-data',
    `the data has ${record.algorithm} ${toHex(digest)}, the receipt is for ${toHex(record.digest)}: other data, or changed since`,
  );
}

/** The receipt's checkpoint, once the record is shown to lie under its root. */
function provenCheckpoint({
  origin,
  record,
  inclusion,
  checkpoint: text,
}: Receipt): Parsed<SignedCheckpoint> {
  if (inclusion === undefined || text === undefined) {
    return refuse(
      'receipt/not-signed',
      'not yet signed: the receipt has no checkpoint; upgrade it while the log can be reached',
    );
  }
  const signed = parseCheckpoint(text);
  if (!signed.ok) return signed;
  const { checkpoint } = signed.value;
  if (checkpoint.origin !== origin) {
    return refuse(
      'receipt/wrong-origin',
      `the checkpoint is of ${checkpoint.origin}, the receipt says ${origin}`,
    );
  }
  if (checkpoint.size !== inclusion.size) {
    return badPath(`the path is for ${inclusion.size} records, not ${checkpoint.size}`);
  }
  if (record.offset >= inclusion.size) {
    return badPath(`offset ${record.offset} is not among ${inclusion.size} records`);
  }
  const tree = treeHash('blake3');
  const leaf = tree.leaf(encodeLeafRecord(leafRecordOf(record)));
  const { size, path } = inclusion;
  return verifyInclusion(tree, { index: record.offset, size, leaf, path, root: checkpoint.root })
    ? accept(signed.value)
    : badPath("the path does not lead from the record to the checkpoint's root");
}

/**
 * V7: every proof must hold; one that cannot be checked here refuses the receipt. Of several the earliest time counts;
 * `undefined` when there are none.
 */
function finalityOf(
  { origin, finality = [] }: Receipt,
  checkpoint: Checkpoint,
  chain: TrustRoot | undefined,
): Parsed<Finality | undefined> {
  let earliest: Finality | undefined;
  for (const proof of finality) {
    const scheme = knownScheme(proof);
    if (!scheme.ok) return scheme;
    if (chain === undefined) return unknownChain(origin.split('/')[1] ?? origin);
    const verdict = verifyFinality(proof, checkpoint, chain);
    if (!verdict.ok) return verdict;
    const { ok: _, ...final } = verdict;
    if (earliest === undefined || final.noLaterThan < earliest.noLaterThan) earliest = final;
  }
  return accept(earliest);
}

function unknownLog(origin: string, trust: TrustStore): Refusal {
  const pinned = trust.policies.map(({ scope }) => scope).join(', ') || 'nothing';
  return refuse(
    'receipt/unknown-log',
    `no pinned policy covers ${origin} (pinned: ${pinned}); it is another network's or log's receipt, or its keys are yet to be pinned`,
  );
}

function tooFew(signers: readonly Signer[], policy: TrustPolicy): Refusal {
  const names = signers.map(({ name }) => name).join(', ') || 'none';
  return refuse(
    'receipt/threshold',
    `${signers.length} of the ${policy.threshold} signatures needed for ${policy.scope} (signed: ${names})`,
  );
}

function badPath(what: string): Refusal {
  return refuse('receipt/bad-path', what);
}
