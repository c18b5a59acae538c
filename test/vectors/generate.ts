/**
 * Writes the vectors of docs/spec: what TypeScript, Rust and Python must agree on.
 *
 * Everything follows from constants, so a second run gives the same bytes.
 * `generate.py` makes the same files without sharing a line with receipt/.
 *
 *     node test/vectors/generate.ts
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ed25519 } from '@noble/curves/ed25519.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concat, fromHex, toHex, toUtf8 } from '../../base/bytes.ts';
import * as r from '../../receipt/index.ts';
import { votersOf } from '../support/final-chain.ts';
import { finalityVectors, type LogOfVectors } from './finality.ts';
import { stateVectors } from './state.ts';

const ZERO = new Uint8Array(32);
const TREES = ['blake3', 'sha256'] as const;
const GENESIS: readonly r.Genesis[] = [
  { network: 'devnet', time: 1790000000000, salt: Uint8Array.from({ length: 16 }, (_, i) => i) },
  { network: 'a', time: 0, salt: new Uint8Array(16).fill(0xff) },
  { network: 'main-1', time: 2 ** 53 - 1, salt: new Uint8Array(16) },
];

const hexOf = (bytes: Uint8Array | undefined) => toHex(bytes ?? ZERO);

function little64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** The leaf records of merkle.json; Rust makes the same. */
function treeRecord(i: number): r.LeafRecord {
  return {
    timestamp: 1790000000000 + i,
    scarabId: BigInt(i + 1) << 23n,
    offset: i,
    epoch: 1,
    schemaId: 1,
    valueHash: blake3(little64(i)),
  };
}

function recordVectors() {
  const records: r.LeafRecord[] = [
    { ...treeRecord(0), timestamp: 1, scarabId: 2n, offset: 3 },
    { ...treeRecord(1), timestamp: 0, scarabId: 0n, offset: 0, schemaId: 0, valueHash: ZERO },
    {
      timestamp: 2 ** 53 - 1,
      scarabId: 2n ** 64n - 1n,
      offset: 2 ** 53 - 1,
      epoch: 2 ** 32 - 1,
      schemaId: 2 ** 32 - 1,
      keyHash: blake3(toUtf8('key')),
      valueHash: blake3(toUtf8('value')),
      headersHash: blake3(toUtf8('headers')),
    },
    ...[4, 5, 6].map(treeRecord),
  ];
  const lists: [string, string][][] = [
    [],
    [['', '']],
    [['content-type', toHex(toUtf8('text/plain'))]],
    [
      ['a', '00ff'],
      ['Ä☥', toHex(new Uint8Array(300).fill(7))],
      ['a', ''],
    ],
  ];
  return {
    records: records.map((record) => {
      const bytes = r.encodeLeafRecord(record);
      return {
        timestamp: String(record.timestamp),
        scarabId: String(record.scarabId),
        offset: String(record.offset),
        epoch: record.epoch,
        schemaId: record.schemaId,
        keyHash: hexOf(record.keyHash),
        valueHash: toHex(record.valueHash),
        headersHash: hexOf(record.headersHash),
        bytes: toHex(bytes),
        leafBlake3: toHex(r.treeHash('blake3').leaf(bytes)),
        leafSha256: toHex(r.treeHash('sha256').leaf(bytes)),
      };
    }),
    headers: lists.map((list) => {
      const headers = list.map(([name, value]) => ({ name, value: bytesOf(value) }));
      return {
        list,
        bytes: toHex(r.encodeHeaders(headers)),
        hash: hexOf(r.hashHeaders(headers)),
      };
    }),
    keys: {
      leaf: toHex(r.TREE_KEYS.leaf),
      node: toHex(r.TREE_KEYS.node),
      empty: toHex(r.TREE_KEYS.empty),
    },
  };
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
}

const TREE_SIZES = [...Array.from({ length: 71 }, (_, n) => n), 127, 128, 129, 255, 256, 257, 1000];
const BIG_INCLUSION = [
  [0, 70], [69, 70], [63, 70], [64, 70], [127, 128], [128, 129], [255, 257], [256, 257], [0, 1000], [511, 1000],
  [512, 1000], [998, 1000], [999, 1000],
] as const;
const BIG_CONSISTENCY = [
  [0, 70], [1, 70], [63, 70], [64, 70], [69, 70], [70, 70], [128, 129], [256, 257], [511, 1000], [512, 1000],
  [999, 1000],
] as const;

function merkleVectors() {
  const leaves = {
    blake3: leavesOf('blake3', 1000),
    sha256: leavesOf('sha256', 1000),
  };
  const root = (algorithm: r.TreeAlgorithm, size: number) =>
    toHex(r.rootOf(r.treeHash(algorithm), leaves[algorithm].slice(0, size)));
  const inclusion = [...pairs(9).filter(([index, size]) => index < size), ...BIG_INCLUSION];
  const consistency = [...pairs(9), ...BIG_CONSISTENCY];
  return {
    trees: TREE_SIZES.map((size) => ({
      size,
      blake3Root: root('blake3', size),
      sha256Root: root('sha256', size),
    })),
    inclusion: TREES.flatMap((algorithm) =>
      inclusion.map(([index, size]) => {
        const tree = r.treeHash(algorithm);
        const some = leaves[algorithm].slice(0, size);
        const path = r.inclusionPath(tree, some, index).map(toHex);
        const leaf = toHex(some[index] ?? ZERO);
        return { algorithm, index, size, leaf, root: root(algorithm, size), path };
      }),
    ),
    consistency: TREES.flatMap((algorithm) =>
      consistency.map(([from, to]) => {
        const some = leaves[algorithm].slice(0, to);
        const path = r.consistencyPath(r.treeHash(algorithm), some, from).map(toHex);
        const roots = { fromRoot: root(algorithm, from), toRoot: root(algorithm, to) };
        return { algorithm, from, to, ...roots, path };
      }),
    ),
  };
}

function leavesOf(algorithm: r.TreeAlgorithm, count: number): Uint8Array[] {
  const tree = r.treeHash(algorithm);
  return Array.from({ length: count }, (_, i) => tree.leaf(r.encodeLeafRecord(treeRecord(i))));
}

/** All (a, b) with a ≤ b ≤ max. */
function pairs(max: number): (readonly [number, number])[] {
  const list: [number, number][] = [];
  for (let b = 0; b <= max; b++) for (let a = 0; a <= b; a++) list.push([a, b]);
  return list;
}

/** Genesis documents with a chain (I7): usual, and at the bounds. */
function genesisWithChain(): r.Genesis[] {
  const voters = votersOf([40n, 30n, 20n, 10n]).map(({ seed: _, ...voter }, i) => ({
    ...voter,
    account: new Uint8Array(32).fill(i),
  }));
  const account = (fill: number, balance: bigint) => ({ key: new Uint8Array(32).fill(fill), balance });
  const accounts = [account(1, 1n), account(2, 10n ** 18n), account(0xff, 2n ** 62n)];
  const extreme = {
    blockBytesMax: 4_000_000, feeBase: 2n ** 40n - 1n, feePerByte: 0n, maxDelayMs: 3_600_000, precisionMs: 0,
  };
  const [sole] = votersOf([2n ** 60n - 1n], 0xd0).map(({ seed: _, ...voter }) => ({ ...voter, account: ZERO }));
  const [first] = GENESIS;
  if (first === undefined || sole === undefined) throw new Error('there is a genesis and a validator');
  return [
    { ...first, chain: { engine: 'pos', validators: voters, accounts, parameters: r.DEFAULT_PARAMETERS } },
    { ...first, chain: { engine: 'pos', validators: [sole], accounts: [], parameters: extreme } },
  ];
}

function identityVectors() {
  return {
    genesis: [...GENESIS, ...genesisWithChain()].map((genesis) => ({
      network: genesis.network,
      time: String(genesis.time),
      salt: toHex(genesis.salt),
      ...(genesis.chain && { json: r.formatGenesisJson(genesis), trust: trustText(genesis) }),
      cbor: toHex(r.encodeGenesis(genesis)),
      hash: toHex(r.genesisHash(genesis)),
      networkId: r.networkId(genesis),
    })),
  };
}

/** The trust store that pins a genesis document's chain and nothing else (F1, T5). */
function trustText(genesis: r.Genesis): string {
  const root = r.trustRootOf(genesis);
  return r.formatTrustStore({ policies: [], chains: root === undefined ? [] : [root] });
}

const NETWORK = r.networkId(GENESIS[0] as r.Genesis);
const OTHER = r.networkId(GENESIS[1] as r.Genesis);
const SCOPE = r.clusterScope(NETWORK, 'local');
const origin = (partition: number, network = NETWORK) =>
  r.formatOrigin({ network, cluster: 'local', log: 'notary', partition, sha256: false });

interface KeyPair {
  readonly seed: Uint8Array;
  readonly key: r.VerificationKey;
}

function keyPair(name: string, type: r.VerificationKey['type'], fill: number): KeyPair {
  const seed = new Uint8Array(32).fill(fill);
  return { seed, key: r.verificationKey(name, type, ed25519.getPublicKey(seed)) };
}

const NODES = [0, 1, 2, 3].map((i) => keyPair(`${SCOPE}/node-${i}`, 'cosignature', i + 1));
const LOG_KEY = keyPair(`${origin(0)}/sha256`, 'log', 0x10);

function signed(body: string, nodes: readonly number[], timeSeconds = 1790000001): string {
  const signatures = nodes.map((i) => {
    const { key, seed } = NODES[i] as KeyPair;
    return r.cosign(body, key, timeSeconds, (message) => ed25519.sign(message, seed));
  });
  return r.formatNote({ body, signatures });
}

/** Adds the group order to S of a note's last signature: verifies in lax implementations (C5). */
function malleate(note: string): string {
  const parsed = r.parseNote(note);
  if (!parsed.ok) throw new Error(parsed.message);
  const signatures = parsed.value.signatures.map(({ signature, ...line }, i, all) => {
    if (i < all.length - 1) return { ...line, signature };
    const s = BigInt(`0x${toHex(signature.slice(-32).reverse())}`) + ed25519.Point.CURVE().n;
    const bytes = bytesOf(s.toString(16).padStart(64, '0')).reverse();
    return { ...line, signature: concat(signature.slice(0, -32), bytes) };
  });
  return r.formatNote({ body: parsed.value.body, signatures });
}

const LEAVES = Array.from({ length: 7 }, (_, i) => noteRecord(i));

/** The records of the receipts: one of each algorithm, one with a key, one with headers. */
function noteRecord(i: number): r.ReceiptRecord {
  const data = toUtf8(`record ${i}`);
  const algorithm = (['sha256', 'sha512', 'blake3'] as const)[i % 3] ?? 'sha256';
  const headers = r.hashHeaders([{ name: 'content-type', value: toUtf8('text/plain') }]);
  return {
    timestamp: 1790000000000 + i,
    scarabId: BigInt(i + 1) << 23n,
    offset: i,
    epoch: 1,
    schemaId: 1,
    algorithm,
    digest: { sha256, sha512, blake3 }[algorithm](data),
    ...(i === 4 && { keyHash: blake3(toUtf8('key 4')) }),
    ...(i === 5 && headers && { headersHash: headers }),
  };
}

function noteRoot(algorithm: r.TreeAlgorithm): { leaves: Uint8Array[]; root: Uint8Array } {
  const tree = r.treeHash(algorithm);
  const leaves = LEAVES.map((record) => tree.leaf(r.encodeLeafRecord(r.leafRecordOf(record))));
  return { leaves, root: r.rootOf(tree, leaves) };
}

function checkpointOf(partition: number, network = NETWORK): r.Checkpoint {
  const sha256Root = partition === 0 ? { sha256Root: noteRoot('sha256').root } : {};
  const { root } = noteRoot('blake3');
  const head = { origin: origin(partition, network), size: 7, root };
  return { ...head, epoch: 1, time: 1790000001000, ...sha256Root };
}

function checkpointVectors() {
  const body = r.formatCheckpointBody(checkpointOf(0));
  const note = signed(body, [0, 1]);
  const sha256Body = r.formatSha256Body({
    origin: `${origin(0)}/sha256`,
    size: 7,
    root: noteRoot('sha256').root,
  });
  const logLine = r.signLogNote(sha256Body, LOG_KEY.key, (m) => ed25519.sign(m, LOG_KEY.seed));
  const plain = r.formatCheckpointBody(checkpointOf(1));
  const empty = r.formatCheckpointBody({
    origin: origin(0),
    size: 0,
    root: r.treeHash('blake3').empty(),
    epoch: 2 ** 32 - 1,
    time: 2 ** 53 - 1,
  });
  return {
    keys: [...NODES, LOG_KEY].map(({ seed, key }) => ({
      name: key.name,
      type: key.type,
      seed: toHex(seed),
      publicKey: toHex(key.publicKey),
      keyId: key.keyId,
      text: r.formatVerificationKey(key),
    })),
    badKeys: badKeys(),
    notes: [
      { body, note, signers: [0, 1], timeSeconds: 1790000001 },
      { body: plain, note: signed(plain, [0, 1, 2, 3]), signers: [0, 1, 2, 3], timeSeconds: 1790000001 },
      { body: empty, note: signed(empty, [2], 0), signers: [2], timeSeconds: 0 },
    ],
    sha256: { body: sha256Body, note: r.formatNote({ body: sha256Body, signatures: [logLine] }) },
    bad: badNotes(body, note),
  };
}

/** Well-formed texts around points nobody may sign with (C5). */
function badKeys() {
  const points = {
    'order 1': `01${'00'.repeat(31)}`,
    'order 2': `ec${'ff'.repeat(30)}7f`,
    'order 4': '00'.repeat(32),
    'order 8': '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'y = p, not canonical': `ed${'ff'.repeat(30)}7f`,
    'x = 0 with a sign': `01${'00'.repeat(30)}80`,
    'not on the curve': `02${'00'.repeat(31)}`,
  };
  return Object.entries(points).map(([why, hex]) => {
    const name = `${SCOPE}/node-0`;
    const typed = concat(Uint8Array.of(4), bytesOf(hex));
    const id = toHex(sha256(concat(toUtf8(`${name}\n`), typed)).slice(0, 4));
    return { why, text: `${name}+${id}+${Buffer.from(typed).toString('base64')}` };
  });
}

function badNotes(body: string, note: string) {
  const edit = (from: string, to: string) => note.replace(from, to);
  const lines = body.split('\n');
  const malformed = 'receipt/malformed';
  return [
    { why: 'leading zero in size', note: edit('\n7\n', '\n07\n'), code: malformed },
    { why: 'size beyond 2^53 − 1', note: edit('\n7\n', '\n9007199254740992\n'), code: malformed },
    { why: 'sign in size', note: edit('\n7\n', '\n+7\n'), code: malformed },
    { why: 'epoch 0', note: edit('epoch 1', 'epoch 0'), code: malformed },
    { why: 'epoch and time swapped', note: edit('epoch 1\ntime 1790000001000', 'time 1790000001000\nepoch 1'), code: malformed },
    { why: 'root without padding', note: edit(`${lines[2]}`, `${lines[2]?.slice(0, -1)}`), code: malformed },
    { why: 'space behind a line', note: edit('epoch 1', 'epoch 1 '), code: malformed },
    { why: 'carriage return', note: edit('epoch 1\n', 'epoch 1\r\n'), code: malformed },
    { why: 'hyphen for dash', note: note.replaceAll('— ', '- '), code: malformed },
    { why: 'two blank lines', note: edit('\n\n', '\n\n\n'), code: malformed },
    { why: 'no signature', note: `${body}\n`, code: malformed },
    { why: 'no LF at the end', note: note.slice(0, -1), code: malformed },
    { why: 'a line more', note: edit('\n\n', '\nwitness 1\n\n'), code: 'receipt/newer-version' },
    { why: 'origin of the SHA-256 tree', note: edit('notary/0\n', 'notary/0/sha256\n'), code: malformed },
    { why: 'other network name', note: edit('pyralog/devnet-', 'pyralog/Devnet-'), code: malformed },
    { why: 'time changed', note: edit('time 1790000001000', 'time 1790000001001'), code: 'receipt/bad-signature' },
    { why: 'S not canonical', note: malleate(note), code: 'receipt/bad-signature' },
  ];
}

function receiptOf(i: number, note: string, start = origin(0)): r.Receipt {
  const record = LEAVES[i] as r.ReceiptRecord;
  const path = r.inclusionPath(r.treeHash('blake3'), noteRoot('blake3').leaves, i);
  return { origin: start, record, inclusion: { size: 7, path }, checkpoint: note };
}

function receiptVectors() {
  const note = signed(r.formatCheckpointBody(checkpointOf(0)), [0, 1]);
  const liarsNote = signed(r.formatCheckpointBody(checkpointOf(1)), [0, 1, 3]);
  const key = (i: number) => (NODES[i] as KeyPair).key;
  const trust = r.formatTrustStore({
    policies: [
      { scope: SCOPE, keys: [0, 1, 2].map(key), threshold: 2, faults: 0 },
      { scope: origin(1), keys: [0, 1, 2, 3].map(key), threshold: 3, faults: 1 },
    ],
  });
  const receipts = [...LEAVES.keys()].map((i) => receiptOf(i, note));
  return {
    trust,
    good: [...receipts, receiptOf(3, liarsNote, origin(1))].map((receipt, i) => ({
      digest: toHex(receipt.record.digest),
      json: Buffer.from(r.encodeReceiptJson(receipt)).toString(),
      cbor: toHex(r.encodeReceiptCbor(receipt)),
      coversLiars: i === receipts.length,
    })),
    bad: [...badTexts(receipts[0] as r.Receipt), ...badReceipts(note)],
  };
}

/** The log of the receipts, anchored on a chain. */
function logOfVectors(): LogOfVectors {
  const checkpoint = checkpointOf(0);
  const keys = NODES.slice(0, 3).map(({ key }) => key);
  return {
    network: NETWORK,
    otherNetwork: OTHER,
    checkpoint,
    other: checkpointOf(1),
    receipt: receiptOf(2, signed(r.formatCheckpointBody(checkpoint), [0, 1])),
    policies: [{ scope: SCOPE, keys, threshold: 2, faults: 0 }],
    keyIds: NODES.map(({ key }) => key.keyId),
  };
}

/** Edits of a good file. */
function badTexts(receipt: r.Receipt) {
  const json = Buffer.from(r.encodeReceiptJson(receipt)).toString();
  const digest = toHex(receipt.record.digest);
  const edit = (from: string, to: string) => json.replace(from, to);
  const scarab = String(receipt.record.scarabId);
  return [
    { why: 'newer version', digest, json: edit('"version": 1', '"version": 2'), code: 'receipt/newer-version' },
    { why: 'version 0', digest, json: edit('"version": 1', '"version": 0'), code: 'receipt/malformed' },
    { why: 'line feed more', digest, json: `${json}\n`, code: 'receipt/not-canonical' },
    { why: 'line feed less', digest, json: json.slice(0, -1), code: 'receipt/not-canonical' },
    { why: 'compact', digest, json: JSON.stringify(JSON.parse(json)), code: 'receipt/not-canonical' },
    { why: 'field twice', digest, json: edit('"version": 1,', '"version": 1,\n  "version": 1,'), code: 'receipt/not-canonical' },
    { why: 'unknown field', digest, json: edit('"version": 1,', '"version": 1,\n  "note": 1,'), code: 'receipt/malformed' },
    { why: 'upper-case hex', digest, json: edit(digest, digest.toUpperCase()), code: 'receipt/malformed' },
    { why: 'leading zero', digest, json: edit(`"${scarab}"`, `"0${scarab}"`), code: 'receipt/malformed' },
    { why: 'not JSON', digest, json: json.slice(1), code: 'receipt/malformed' },
    { why: 'other data', digest: '00'.repeat(32), json, code: 'receipt/wrong-data' },
    { why: 'other log', digest, json: edit('local/notary/0",', 'local/notary/1",'), code: 'receipt/wrong-origin' },
    { why: 'other offset', digest, json: edit('"offset": "0"', '"offset": "1"'), code: 'receipt/bad-path' },
    { why: 'offset = size', digest, json: edit('"offset": "0"', '"offset": "7"'), code: 'receipt/bad-path' },
    { why: 'other size', digest, json: edit('"size": "7"', '"size": "6"'), code: 'receipt/bad-path' },
    { why: 'other timestamp', digest, json: edit('"1790000000000"', '"1790000000001"'), code: 'receipt/bad-path' },
    { why: 'other time', digest, json: edit('time 1790000001000', 'time 1790000001001'), code: 'receipt/bad-signature' },
    { why: 'unknown line', digest, json: edit('    "",', '    "witness 1",\n    "",'), code: 'receipt/newer-version' },
  ];
}

/** Files that are well-formed and canonical, and yet prove nothing. */
function badReceipts(note: string) {
  const good = receiptOf(0, note);
  const path = good.inclusion?.path ?? [];
  const body = r.formatCheckpointBody(checkpointOf(0));
  const stranger = signed(r.formatCheckpointBody(checkpointOf(0, OTHER)), [0, 1]);
  const { inclusion: _, checkpoint: __, ...unsigned } = good;
  const finality = (scheme: number) =>
    [{ kind: 'pos', scheme, proof: Uint8Array.of(1, 2, 3) }] as const;
  const list: [string, r.Receipt, r.RefusalCode][] = [
    ['not signed', unsigned, 'receipt/not-signed'],
    ['path too short', { ...good, inclusion: { size: 7, path: path.slice(0, -1) } }, 'receipt/bad-path'],
    ['path too long', { ...good, inclusion: { size: 7, path: [...path, ZERO] } }, 'receipt/bad-path'],
    ['one signature', { ...good, checkpoint: signed(body, [0]) }, 'receipt/threshold'],
    ['one key twice', { ...good, checkpoint: signed(body, [0, 0]) }, 'receipt/threshold'],
    ['unknown key', { ...good, checkpoint: signed(body, [0, 3]) }, 'receipt/threshold'],
    ['S not canonical', { ...good, checkpoint: malleate(note) }, 'receipt/bad-signature'],
    ['other network', receiptOf(0, stranger, origin(0, OTHER)), 'receipt/unknown-log'],
    ['finality of an unknown scheme', { ...good, finality: finality(7) }, 'receipt/finality-unknown'],
    ['finality of a transaction', { ...good, finality: finality(3) }, 'receipt/finality-unknown'],
    ['finality of a chain not pinned', { ...good, finality: finality(1) }, 'receipt/unknown-chain'],
  ];
  return list.map(([why, receipt, code]) => ({
    why,
    digest: toHex(receipt.record.digest),
    json: Buffer.from(r.encodeReceiptJson(receipt)).toString(),
    code,
  }));
}

/** File name → content. */
export function vectorFiles(): Record<string, string> {
  const files = {
    'record.json': recordVectors(),
    'merkle.json': merkleVectors(),
    'identity.json': identityVectors(),
    'checkpoint.json': checkpointVectors(),
    'receipt.json': receiptVectors(),
    'finality.json': finalityVectors(logOfVectors()),
    'state.json': stateVectors(),
  };
  return Object.fromEntries(
    Object.entries(files).map(([name, value]) => [name, `${JSON.stringify(value, null, 2)}\n`]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(vectorFiles())) {
    writeFileSync(new URL(name, import.meta.url), text);
  }
}
