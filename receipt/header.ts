// SPDX-License-Identifier: Apache-2.0
/**
 * Block headers: what a certificate makes final (X10, X11).
 *
 * One array of eleven items, in one encoding; its hash is the block's id, which is
 * what validators vote for.
 */
import { copyBytes } from '../base/bytes.ts';
import { isUint } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { type Canonical, decodeCanonical, encodeCanonical, isHash } from './cbor.ts';
import { labelHash } from './labelled-tree.ts';
import { accept, type Parsed, type Refusal, type RefusalCode, refuse } from './refusal.ts';
import type { AnchorLeaf, BlockHeader, TreeAlgorithm } from './types.ts';
import { VALIDATORS_MAX } from './validators.ts';

const VERSION = 1;
const ITEMS = 11;

/** Codes of X10. */
export const ROOT_CODES = { blake3: 0, sha256: 1 } as const satisfies Record<TreeAlgorithm, number>;

/** The bytes of a header (X10). Throws `receipt/bad-header` for what no reader would accept. */
export function encodeHeader(header: BlockHeader): Uint8Array {
  const problem = headerProblem(header);
  if (problem !== undefined) {
    throw new PyralogError<RefusalCode>('receipt/bad-header', `header: ${problem}`);
  }
  return encodeCanonical([
    VERSION,
    header.height,
    header.time,
    header.proposer,
    header.validators,
    header.nextValidators ?? null,
    header.transactions,
    header.anchors,
    header.state,
    header.certificate,
    header.history,
  ]);
}

/** Reads a header; refuses anything but the bytes that `encodeHeader` makes. */
export function decodeHeader(bytes: Uint8Array): Parsed<BlockHeader> {
  const items = decodeCanonical(bytes);
  if (items === undefined) return bad('not an array in deterministic CBOR');
  const [version, height, time, proposer, ...hashes] = items;
  if (isUint(version) && version > VERSION) {
    return refuse('receipt/newer-version', 'header: made by a newer version; update pyralog');
  }
  if (version !== VERSION || items.length !== ITEMS) {
    return bad(`not version ${VERSION} with ${ITEMS} items`);
  }
  if (!isUint(height) || !isUint(time) || !isUint(proposer)) {
    return bad('height, time and proposer are 0 to 2^53 − 1');
  }
  const read = readHashes(hashes);
  if (read === undefined) return bad('hashes have 32 bytes');
  const header = { height, time, proposer, ...read };
  const problem = headerProblem(header);
  return problem === undefined ? accept(header) : bad(problem);
}

function readHashes(
  items: readonly Canonical[],
): Omit<BlockHeader, 'height' | 'time' | 'proposer'> | undefined {
  const [validators, next, transactions, anchors, state, certificate, history] = items;
  if (!isHash(validators) || !(next === null || isHash(next))) return undefined;
  if (!isHash(transactions) || !isHash(anchors) || !isHash(state)) return undefined;
  if (!isHash(certificate) || !isHash(history)) return undefined;
  const nextValidators = next ?? undefined;
  return { validators, nextValidators, transactions, anchors, state, certificate, history };
}

function headerProblem(header: BlockHeader): string | undefined {
  const { height, time, proposer, nextValidators, ...hashes } = header;
  if (!isUint(height) || height === 0) return 'height is 1 to 2^53 − 1';
  if (!isUint(time)) return 'time is 0 to 2^53 − 1, Unix milliseconds';
  if (!isUint(proposer, VALIDATORS_MAX - 1)) return `proposer is below ${VALIDATORS_MAX}`;
  const all = [
    nextValidators ?? hashes.validators,
    hashes.validators,
    hashes.transactions,
    hashes.anchors,
    hashes.state,
    hashes.certificate,
    hashes.history,
  ];
  return all.every(isHash) ? undefined : 'hashes have 32 bytes';
}

/** A block's id: the hash under label `header` of its header's bytes (X11). */
export function blockId(headerBytes: Uint8Array): Uint8Array {
  return labelHash('header', headerBytes);
}

/** What a header's `certificate` is: the hash of the previous block's; of no bytes at height 1 (X10). */
export function certificateHash(certificate: Uint8Array): Uint8Array {
  return labelHash('certificate', certificate);
}

/** Content of a leaf of the tree `anchors`: `[origin, size, [[alg, root] …], key ids]` (X10). */
export function encodeAnchorLeaf(anchor: AnchorLeaf): Uint8Array {
  const roots = anchor.roots.map(({ alg, root }) => [ROOT_CODES[alg], root]);
  return encodeCanonical([anchor.origin, anchor.size, roots, joinKeyIds(anchor.keyIds)]);
}

/** Key ids as one byte string, 4 bytes each, ascending. Throws `receipt/malformed` when they are not. */
export function joinKeyIds(keyIds: readonly Uint8Array[]): Uint8Array {
  const bytes = Uint8Array.from(keyIds.flatMap((id) => [...id]));
  if (keyIds.some((id) => id.length !== 4) || splitKeyIds(bytes) === undefined) {
    throw new PyralogError<RefusalCode>(
      'receipt/malformed',
      'key ids have 4 bytes each and stand in ascending order',
    );
  }
  return bytes;
}

/** The reverse; `undefined` unless they are whole and ascending. Two keys may share an id, so one may stand there twice. */
export function splitKeyIds(bytes: Uint8Array): Uint8Array[] | undefined {
  if (bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ids: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    if (at > 0 && view.getUint32(at) < view.getUint32(at - 4)) return undefined;
    ids.push(copyBytes(bytes, at, at + 4));
  }
  return ids;
}

function bad(what: string): Refusal {
  return refuse('receipt/bad-header', `header: ${what}`);
}
