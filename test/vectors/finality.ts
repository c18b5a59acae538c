/** Vectors of docs/spec/finality.md, headers (X10) and certificates (P6); `generate.py` makes the same. */
import { ed25519 } from '@noble/curves/ed25519.js';
import { concat, fromHex, toHex, toUtf8 } from '../../base/bytes.ts';
import * as r from '../../receipt/index.ts';
import { type TestChain, testChain, trustRootFor, type Voter, votersOf } from '../support/final-chain.ts';

/** What the vectors of receipts are made of, too. */
export interface LogOfVectors {
  readonly network: string;
  readonly otherNetwork: string;
  readonly checkpoint: r.Checkpoint;
  /** Checkpoint of another log with the same root, signed by three. */
  readonly other: r.Checkpoint;
  /** Of record 2 under the first checkpoint. */
  readonly receipt: r.Receipt;
  readonly policies: readonly r.TrustPolicy[];
  /** Hex, of the replicas' keys. */
  readonly keyIds: readonly string[];
}

const LABELS = ['header', 'validators', 'certificate', 'transaction', 'transactions', 'anchors', 'history'];

export function finalityVectors(log: LogOfVectors) {
  const voters = votersOf([40n, 30n, 20n, 10n]);
  const chain = testChain(log.network, voters, blocksOf(log));
  return {
    labels: LABELS.map((label) => ({
      label,
      hash: toHex(r.labelHash(label, toUtf8('abc'))),
      leaf: toHex(r.labelledTree(label).leaf(toUtf8('abc'))),
      node: toHex(r.labelledTree(label).hash.node(new Uint8Array(32), new Uint8Array(32).fill(1))),
      empty: toHex(r.labelledTree(label).hash.empty()),
    })),
    voters: voters.map(({ name, key, power, seed }) => ({
      name, key: toHex(key), power: String(power), seed: toHex(seed),
    })),
    validatorsHash: toHex(r.validatorsHash(voters)),
    headers: headerVectors(chain),
    badHeaders: badHeaders(chain.header(3)),
    anchorLeaves: (blocksOf(log)[2]?.anchors ?? []).map((anchor) => ({
      origin: anchor.origin,
      size: String(anchor.size),
      roots: anchor.roots.map(({ alg, root }) => ({ alg, root: toHex(root) })),
      keyIds: anchor.keyIds.map(toHex),
      bytes: toHex(r.encodeAnchorLeaf(anchor)),
    })),
    certificates: certificateVectors(log, voters),
    ...receiptVectors(log, chain),
    transactions: transactionVectors(chain),
  };
}

function blocksOf({ checkpoint, other, keyIds }: LogOfVectors) {
  const ids = (nodes: readonly number[]) => nodes.map((i) => keyIds[i] ?? '').sort().map(bytesOf);
  const blake3 = (root: Uint8Array) => ({ alg: 'blake3', root }) as const;
  const third = { ...other, origin: other.origin.replace(/\d+$/, '2') };
  const anchors: r.AnchorLeaf[] = [
    { origin: third.origin, size: 3, roots: [blake3(new Uint8Array(32).fill(0x11))], keyIds: ids([2]) },
    {
      origin: checkpoint.origin,
      size: checkpoint.size,
      roots: [blake3(checkpoint.root), { alg: 'sha256', root: checkpoint.sha256Root ?? new Uint8Array(32) }],
      keyIds: ids([0, 1]),
    },
    { origin: other.origin, size: other.size, roots: [blake3(other.root)], keyIds: ids([0, 1, 3]) },
  ];
  const transactions = [0, 1, 2].map((i) => toUtf8(`transaction ${i}`));
  return [1, 2, 3, 4, 5, 6].map((height) => ({
    time: 1790000002000 + 500 * height,
    anchors: height === 3 ? anchors : [],
    transactions: height === 3 ? transactions : transactions.slice(0, height % 2),
  }));
}

function headerVectors(chain: TestChain) {
  const extreme: r.BlockHeader = {
    ...chain.header(6),
    height: 2 ** 53 - 1,
    time: 2 ** 53 - 1,
    proposer: 1_023,
    nextValidators: new Uint8Array(32).fill(0xff),
  };
  return [...[1, 2, 3, 4, 5, 6].map(chain.header), extreme].map((header) => {
    const { height, time, proposer, nextValidators, ...hashes } = header;
    const bytes = r.encodeHeader(header);
    const hex = Object.entries(hashes).map(([name, hash]) => [name, toHex(hash)]);
    return {
      height: String(height),
      time: String(time),
      proposer,
      nextValidators: nextValidators === undefined ? null : toHex(nextValidators),
      ...Object.fromEntries(hex),
      bytes: toHex(bytes),
      id: toHex(r.blockId(bytes)),
    };
  });
}

function badHeaders(header: r.BlockHeader) {
  const items = r.decodeCanonical(r.encodeHeader(header)) ?? [];
  const put = (at: number, value: r.Canonical) => r.encodeCanonical(items.with(at, value));
  const good = r.encodeHeader(header);
  const list: [string, Uint8Array, r.RefusalCode][] = [
    ['version 2', put(0, 2), 'receipt/newer-version'],
    ['version 0', put(0, 0), 'receipt/bad-header'],
    ['ten items', r.encodeCanonical(items.slice(0, -1)), 'receipt/bad-header'],
    ['twelve items', r.encodeCanonical([...items, null]), 'receipt/bad-header'],
    ['height 0', put(1, 0), 'receipt/bad-header'],
    ['height 2^53', put(1, 2n ** 53n), 'receipt/bad-header'],
    ['proposer 1,024', put(3, 1_024), 'receipt/bad-header'],
    ['a hash of 31 bytes', put(8, new Uint8Array(31)), 'receipt/bad-header'],
    ['a hash as text', put(8, 'x'.repeat(32)), 'receipt/bad-header'],
    ['no state', put(8, null), 'receipt/bad-header'],
    ['next validators of no bytes', put(5, new Uint8Array(0)), 'receipt/bad-header'],
    ['height in a longer head', concat(good.slice(0, 2), Uint8Array.of(0x18, 3), good.slice(3)), 'receipt/bad-header'],
    ['height as a float', concat(good.slice(0, 2), Uint8Array.of(0xf9, 0x42, 0), good.slice(3)), 'receipt/bad-header'],
    ['indefinite length', concat(Uint8Array.of(0x9f), good.slice(1), Uint8Array.of(0xff)), 'receipt/bad-header'],
    ['a byte behind', concat(good, Uint8Array.of(0)), 'receipt/bad-header'],
    ['cut short', good.slice(0, -1), 'receipt/bad-header'],
    ['tagged', concat(Uint8Array.of(0xc1), good), 'receipt/bad-header'],
  ];
  return list.map(([why, bytes, code]) => ({ why, bytes: toHex(bytes), code }));
}

interface CertificateCase {
  readonly why: string;
  readonly voters: readonly Voter[];
  /** Of the array that is the certificate. */
  readonly items: readonly r.Canonical[] | Uint8Array;
  readonly code: r.RefusalCode | 'ok';
}

const HEIGHT = 3;
const BLOCK = new Uint8Array(32).fill(0xb1);

function certificateVectors(log: LogOfVectors, four: readonly Voter[]) {
  return certificateCases(log, four).map(({ why, voters, items, code }) => ({
    why,
    network: log.network,
    height: String(HEIGHT),
    id: toHex(BLOCK),
    validators: voters.map(({ key, power }) => ({ key: toHex(key), power: String(power) })),
    bytes: toHex(items instanceof Uint8Array ? items : r.encodeCanonical(items)),
    code,
  }));
}

function certificateCases(log: LogOfVectors, four: readonly Voter[]): CertificateCase[] {
  const three = votersOf([1n, 1n, 1n], 0xb0);
  const nine = votersOf(Array<bigint>(9).fill(5n), 0xc0);
  const one = votersOf([2n ** 60n], 0xd0);
  const vote = (type: number, height: number, round: number, id: Uint8Array | null) =>
    r.encodeCanonical([type, height, round, id]);
  const signed = (voters: readonly Voter[], who: readonly number[], bytes: Uint8Array, network = log.network) =>
    concat(...who.map((i) => ed25519.sign(r.signedBytes('vote', network, bytes), (voters[i] as Voter).seed)));
  const commit = vote(1, HEIGHT, 0, BLOCK);
  const pair = signed(four, [0, 1], commit);
  const bits = (...bytes: number[]) => Uint8Array.from(bytes);
  const good = r.encodeCanonical([0, bits(3), pair]);
  const big = 2 ** 31 - 1;
  const row = (why: string, items: CertificateCase['items'], code: CertificateCase['code'], voters = four) => ({
    why, voters, items, code,
  });
  const [malformed, power, signature] = [
    'receipt/bad-certificate', 'receipt/certificate-power', 'receipt/certificate-signature',
  ] as const;
  return [
    row('70 of 100', [0, bits(3), pair], 'ok'),
    row('all, round 7', [7, bits(15), signed(four, [0, 1, 2, 3], vote(1, HEIGHT, 7, BLOCK))], 'ok'),
    row('the only one', [0, bits(1), signed(one, [0], commit)], 'ok', one),
    row('7 of 9, last round', [big, bits(0xfd, 0), signed(nine, [0, 2, 3, 4, 5, 6, 7], vote(1, HEIGHT, big, BLOCK))], 'ok', nine),
    row('the ninth', [0, bits(0x7e, 1), signed(nine, [1, 2, 3, 4, 5, 6, 8], commit)], 'ok', nine),
    row('exactly two thirds', [0, bits(3), signed(three, [0, 1], commit)], power, three),
    row('60 of 100', [0, bits(5), signed(four, [0, 2], commit)], power),
    row('nobody', [0, bits(0), new Uint8Array(0)], power),
    row('too few and forged', [0, bits(1), new Uint8Array(64)], power),
    row('a bit beyond the set', [0, bits(0x13), signed(four, [0, 1, 3], commit)], malformed),
    row('bitmap too long', [0, bits(3, 0), pair], malformed),
    row('no bitmap', [0, bits(), pair], malformed),
    row('bitmap too short', [0, bits(0xfd), signed(nine, [0, 2, 3, 4, 5, 6, 7], commit)], malformed, nine),
    row('a signature short', [0, bits(3), pair.slice(0, 64)], malformed),
    row('a byte short', [0, bits(3), pair.slice(0, -1)], malformed),
    row('a signature more', [0, bits(3), concat(pair, pair.slice(0, 64))], malformed),
    row('round null', [null, bits(3), pair], malformed),
    row('round 2^31', [2 ** 31, bits(3), pair], malformed),
    row('two items', [0, bits(3)], malformed),
    row('four items', [0, bits(3), pair, null], malformed),
    row('bitmap as text', [0, '\u0003', pair], malformed),
    row('round in a longer head', concat(bits(0x83, 0x18, 0), good.slice(2)), malformed),
    row('a byte behind', concat(good, bits(0)), malformed),
    row('nothing', bits(), malformed),
    row('signatures in the other order', [0, bits(3), signed(four, [1, 0], commit)], signature),
    row('one signature twice', [0, bits(3), signed(four, [0, 0], commit)], signature),
    row('prevotes', [0, bits(3), signed(four, [0, 1], vote(0, HEIGHT, 0, BLOCK))], signature),
    row('of another height', [0, bits(3), signed(four, [0, 1], vote(1, HEIGHT + 1, 0, BLOCK))], signature),
    row('of another round', [1, bits(3), pair], signature),
    row('of another block', [0, bits(3), signed(four, [0, 1], vote(1, HEIGHT, 0, new Uint8Array(32)))], signature),
    row('for no block', [0, bits(3), signed(four, [0, 1], vote(1, HEIGHT, 0, null))], signature),
    row('of another network', [0, bits(3), signed(four, [0, 1], commit, log.otherNetwork)], signature),
    row('a third that is forged', [0, bits(7), concat(pair, new Uint8Array(64))], signature),
    row('S not canonical', [0, bits(3), malleated(pair)], signature),
  ];
}

/** Adds the group order to S of the last signature: verifies in lax implementations (C5). */
function malleated(signatures: Uint8Array): Uint8Array {
  const s = BigInt(`0x${toHex(signatures.slice(-32).reverse())}`) + ed25519.Point.CURVE().n;
  const bytes = bytesOf(s.toString(16).padStart(64, '0')).reverse();
  return concat(signatures.slice(0, -32), bytes);
}

function receiptVectors(log: LogOfVectors, chain: TestChain) {
  const later = trustRootFor(log.network, chain.voters, 4);
  const stores = {
    both: { policies: log.policies, chains: [chain.root] },
    chain: { policies: [], chains: [chain.root] },
    later: { policies: [], chains: [later] },
    policies: { policies: log.policies },
  };
  return {
    trust: Object.fromEntries(Object.entries(stores).map(([name, store]) => [name, r.formatTrustStore(store)])),
    receipts: receiptCases(log, chain).map(([why, trust, finality, code]) => {
      const receipt = { ...log.receipt, finality };
      const verdict = r.verifyReceipt(receipt, receipt.record.digest, stores[trust]);
      const final = verdict.ok ? verdict.final : undefined;
      return {
        why,
        trust,
        digest: toHex(receipt.record.digest),
        json: Buffer.from(r.encodeReceiptJson(receipt)).toString(),
        cbor: toHex(r.encodeReceiptCbor(receipt)),
        code,
        ...(final && {
          basis: verdict.ok && verdict.basis,
          height: String(final.height),
          certifiedHeight: String(final.certifiedHeight),
          noLaterThan: String(final.noLaterThan),
          signers: final.signers.map(({ name }) => name),
        }),
      };
    }),
  };
}

type ReceiptCase = [string, 'both' | 'chain' | 'later' | 'policies', r.FinalityProof[], r.RefusalCode | 'ok'];

function receiptCases(log: LogOfVectors, chain: TestChain): ReceiptCase[] {
  const proof = chain.anchorProof(3, 1);
  const byHistory = chain.anchorProof(3, 1, 6);
  const [one, two] = [r.encodeAnchorProof(proof), r.encodeAnchorProof(byHistory)];
  const edit = (change: Partial<r.AnchorProof>) => [r.encodeAnchorProof({ ...proof, ...change })];
  const inHistory = (change: Partial<r.HistoryPath>) => {
    const history = { header: chain.headerBytes(3), path: byHistory.history?.path ?? [], ...change };
    return [r.encodeAnchorProof({ ...byHistory, history })];
  };
  const header = (change: Partial<r.BlockHeader>) => r.encodeHeader({ ...chain.header(3), ...change });
  const few = chain.certificate(3, [0, 2]);
  const pos = (scheme: number, bytes: Uint8Array) => [{ kind: 'pos', scheme, proof: bytes } as const];
  const flip = (bytes: Uint8Array) => bytes.with(0, (bytes[0] ?? 0) ^ 1);
  return [
    ['anchored', 'both', [one], 'ok'],
    ['anchored, no policy', 'chain', [one], 'ok'],
    ['by history', 'both', [two], 'ok'],
    ['by history, under a later root', 'later', [two], 'ok'],
    ['both schemes', 'chain', [two, one], 'ok'],
    ['signed by two of four', 'chain', edit({ certificate: chain.certificate(3, [0, 1], 9) }), 'ok'],
    ['chain not pinned', 'policies', [one], 'receipt/unknown-chain'],
    ['older than the root', 'later', [one], 'receipt/before-trust-root'],
    ['one proof good, one bad', 'both', [one, ...edit({ certificate: few })], 'receipt/certificate-power'],
    ['too little power', 'both', edit({ certificate: few }), 'receipt/certificate-power'],
    ['certificate of another block', 'both', edit({ certificate: chain.certificate(4) }), 'receipt/certificate-signature'],
    ['certificate of no bytes', 'both', edit({ certificate: new Uint8Array(0) }), 'receipt/bad-certificate'],
    ['another time', 'both', edit({ header: header({ time: 1 }) }), 'receipt/certificate-signature'],
    ['another height', 'both', edit({ header: header({ height: 4 }) }), 'receipt/certificate-signature'],
    ['other validators', 'both', edit({ header: header({ validators: new Uint8Array(32) }) }), 'receipt/wrong-validators'],
    ['header cut short', 'both', edit({ header: proof.header.slice(0, -1) }), 'receipt/bad-header'],
    ['another log’s anchor', 'both', [r.encodeAnchorProof(chain.anchorProof(3, 2))], 'receipt/not-anchored'],
    ['no SHA-256 root', 'both', edit({ roots: [] }), 'receipt/not-anchored'],
    ['another SHA-256 root', 'both', edit({ roots: [{ alg: 'sha256', root: new Uint8Array(32) }] }), 'receipt/not-anchored'],
    ['no key ids', 'both', edit({ keyIds: [] }), 'receipt/not-anchored'],
    ['another index', 'both', edit({ index: 0 }), 'receipt/not-anchored'],
    ['a path too short', 'both', edit({ path: proof.path.slice(1) }), 'receipt/not-anchored'],
    ['a path too long', 'both', edit({ path: [...proof.path, new Uint8Array(32)] }), 'receipt/not-anchored'],
    ['another path', 'both', edit({ path: proof.path.map(flip) }), 'receipt/not-anchored'],
    ['block without anchors', 'both', edit({ header: chain.headerBytes(4), certificate: chain.certificate(4) }), 'receipt/not-anchored'],
    ['another header in the history', 'both', inHistory({ header: chain.headerBytes(2) }), 'receipt/not-in-history'],
    ['a header that never was', 'both', inHistory({ header: header({ time: 1 }) }), 'receipt/not-in-history'],
    ['another path in the history', 'both', inHistory({ path: (byHistory.history?.path ?? []).map(flip) }), 'receipt/not-in-history'],
    ['the header in its own history', 'both', inHistory({ header: chain.headerBytes(6) }), 'receipt/not-in-history'],
    ['scheme 1 called 2', 'both', pos(2, one.proof), 'receipt/finality-malformed'],
    ['scheme 2 called 1', 'both', pos(1, two.proof), 'receipt/finality-malformed'],
    ['scheme 3', 'both', pos(3, one.proof), 'receipt/finality-unknown'],
    ['scheme 4', 'both', pos(4, one.proof), 'receipt/finality-unknown'],
    ['proof of work', 'both', [{ kind: 'pow', scheme: 1, proof: one.proof }], 'receipt/finality-unknown'],
    ['cut short', 'both', pos(1, one.proof.slice(0, -1)), 'receipt/finality-malformed'],
    ['a byte behind', 'both', pos(1, concat(one.proof, Uint8Array.of(0))), 'receipt/finality-malformed'],
    ['nothing', 'both', pos(1, new Uint8Array(0)), 'receipt/finality-malformed'],
  ];
}

function transactionVectors(chain: TestChain) {
  const proof = chain.transactionProof(3, 1);
  const edit = (change: Partial<r.TransactionProof>) => r.encodeTransactionProof({ ...proof, ...change });
  const list: [string, Uint8Array, r.RefusalCode | 'ok'][] = [
    ['second of three', r.encodeTransactionProof(proof), 'ok'],
    ['the only one', r.encodeTransactionProof(chain.transactionProof(5, 0)), 'ok'],
    ['another transaction', edit({ transaction: toUtf8('transaction 2') }), 'receipt/not-in-block'],
    ['another index', edit({ index: 2 }), 'receipt/not-in-block'],
    ['huge count', edit({ count: 2 ** 32 - 1 }), 'receipt/not-in-block'],
    ['too little power', edit({ certificate: chain.certificate(3, [0, 3]) }), 'receipt/certificate-power'],
    ['cut short', r.encodeTransactionProof(proof).slice(0, -1), 'receipt/finality-malformed'],
    ['proof of an anchor', r.encodeAnchorProof(chain.anchorProof(3, 1)).proof, 'receipt/finality-malformed'],
  ];
  return list.map(([why, bytes, code]) => ({ why, bytes: toHex(bytes), code }));
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
}
