/**
 * pos.json: what votes, proposals and certificates are in bytes, whose turn it is, and what proves nothing (pos.md P1 … P7).
 *
 * Shares no line with native/crates/bft, which must agree.
 *
 *     node test/vectors/pos.ts
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ed25519 } from '@noble/curves/ed25519.js';
import { encode } from 'cborg';
import { toHex } from '../../base/bytes.ts';
import { signedBytes } from '../../receipt/index.ts';

const NETWORK = 'devnet-0aa3e02fbfbc72f1';
const GOLDEN = 0x9e3779b97f4a7c15n;
const U64 = 2n ** 64n;
const ID = new Uint8Array(32).fill(0xb1);
const HEIGHT_MAX = 2 ** 53 - 1;
const ROUND_MAX = 2 ** 31 - 1;

type Member = { seed: Uint8Array; key: Uint8Array; power: bigint };
type Vote = { height: number; round: number; id: Uint8Array | null };

function member(number: number, power: bigint): Member {
  const seed = new Uint8Array(32).fill(number);
  return { seed, key: ed25519.getPublicKey(seed), power };
}

/** Given in no order, two of equal power. */
const MEMBERS = [
  member(4, 4n),
  member(1, 50n),
  member(5, 15n),
  member(3, 15n),
  member(2, 30n),
  member(6, 1n),
];
const LARGE = [member(1, 2n ** 59n), member(2, 2n ** 58n), member(3, 2n ** 58n - 1n), member(4, 1n)];
const ORDER = ordered(MEMBERS);

function ordered(members: readonly Member[]): Member[] {
  const key = (m: Member) => toHex(m.key);
  const byKey = [...members].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return byKey.sort((a, b) => (a.power === b.power ? 0 : a.power > b.power ? -1 : 1));
}

function proposer(members: readonly Member[], height: number, round: number): Member {
  const total = members.reduce((sum, { power }) => sum + power, 0n);
  const x = (((BigInt(height) + BigInt(round)) % U64) * GOLDEN) % U64;
  let slot = (x * total) / U64;
  for (const found of ordered(members)) {
    if (slot < found.power) return found;
    slot -= found.power;
  }
  throw new Error('the slot is below the total');
}

function sign(by: Member, content: Uint8Array): Uint8Array {
  return ed25519.sign(signedBytes('vote', NETWORK, content), by.seed);
}

const voteBytes = (type: 0 | 1, { height, round, id }: Vote) => encode([type, height, round, id]);

function vote(type: 0 | 1, by: Member, of: Vote) {
  const content = voteBytes(type, of);
  const signature = sign(by, content);
  const message = encode([type, of.height, of.round, of.id, by.key, signature]);
  return { kind: type === 0 ? 'prevote' : 'precommit', content, message, by };
}

function proposal(by: Member, of: Vote, polRound: number | null) {
  const content = encode([2, of.height, of.round, polRound, of.id]);
  const message = encode([2, of.height, of.round, polRound, of.id, by.key, sign(by, content)]);
  return { kind: 'proposal', content, message, by };
}

function signedVectors() {
  const at = { height: 7, round: 2, id: ID };
  const first = ORDER[0] ?? MEMBERS[0];
  if (first === undefined) throw new Error('there are members');
  const made = [
    vote(0, first, at),
    vote(0, first, { ...at, id: null }),
    vote(1, first, at),
    vote(1, first, { ...at, id: null, height: HEIGHT_MAX, round: ROUND_MAX }),
    vote(1, first, { ...at, height: 24, round: 0 }),
    vote(0, first, { ...at, height: 256, round: 23 }),
    vote(0, first, { ...at, height: 65_536, round: 255 }),
    vote(0, first, { ...at, height: 2 ** 32, round: 65_535 }),
    proposal(first, at, null),
    proposal(first, at, 1),
  ];
  return made.map(({ kind, content, message, by }) => ({
    kind,
    validator: toHex(by.key),
    content: toHex(content),
    signed: toHex(signedBytes('vote', NETWORK, content)),
    message: toHex(message),
  }));
}

function certificateMessages() {
  const at = { height: 7, round: 2, id: ID };
  const by = ORDER.slice(0, 3);
  const polka = by.map((m) => [m.key, sign(m, voteBytes(0, at))]);
  const precommits = by.map((m) => [1, ID, m.key, sign(m, voteBytes(1, at))]);
  const nil = { ...at, id: null };
  const mixed = by.map((m, i) =>
    i === 0 ? [0, null, m.key, sign(m, voteBytes(0, nil))] : [1, ID, m.key, sign(m, voteBytes(1, at))],
  );
  return [
    { kind: 'polka', message: toHex(encode([3, 7, 2, ID, polka])) },
    { kind: 'round', message: toHex(encode([4, 7, 2, 1, precommits])) },
    { kind: 'round', message: toHex(encode([4, 7, 2, 0, mixed])) },
  ];
}

function malformed(): string[] {
  const tail = [ORDER[0]?.key, new Uint8Array(64)];
  const items: unknown[][] = [
    [],
    [9, 7, 2, ID, ...tail],
    [0, 0, 2, ID, ...tail],
    [0, HEIGHT_MAX + 1, 2, ID, ...tail],
    [0, 7, ROUND_MAX + 1, ID, ...tail],
    [0, 7, null, ID, ...tail],
    [0, 7, 2, ID.slice(1), ...tail],
    [0, 7, 2, ID, ...tail, 0],
    [0, -7, 2, ID, ...tail],
    [2, 7, 2, 2, ID, ...tail],
    [2, 7, 2, null, null, ...tail],
    [3, 7, 2, ID, []],
    [3, 7, 2, ID, [tail, [...tail, 0]]],
    [4, 7, 2, 2, [[0, ID, ...tail]]],
    [4, 7, 2, 0, [[2, ID, ...tail]]],
  ];
  const good = encode([0, 7, 2, ID, ...tail]);
  const longHead = `8600${'1807'}${toHex(good).slice(6)}`;
  const indefinite = `9f${toHex(good).slice(2)}ff`;
  return ['', ...items.map((item) => toHex(encode(item))), longHead, indefinite, `${toHex(good)}00`];
}

type Signers = readonly number[];

function certificate(signers: Signers, of = { height: 9, round: 3, id: ID }): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(ORDER.length / 8));
  for (const i of signers) bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
  const list = ORDER.filter((_, i) => signers.includes(i));
  const signatures = list.map((m) => sign(m, voteBytes(1, of)));
  return encode([of.round, bitmap, Buffer.concat(signatures)]);
}

/** Powers in order: 50, 30, 15, 15, 4, 1; more than 76.66 is a quorum. */
function commits() {
  const good: [Signers, number][] = [
    [[0, 1], 80],
    [[0, 2, 3], 80],
    [[0, 1, 2, 3, 4, 5], 115],
  ];
  return good.map(([signers, power]) => ({
    height: 9,
    id: toHex(ID),
    certificate: toHex(certificate(signers)),
    round: 3,
    power,
  }));
}

function refusedCommits() {
  const good = toHex(certificate([0, 1]));
  const beyond = good.replace('4103', '4143');
  const other = { height: 9, round: 3, id: new Uint8Array(32).fill(0xb2) };
  const base = { network: NETWORK, height: 9, id: toHex(ID) };
  return [
    { ...base, why: 'no signer', certificate: toHex(certificate([])), reason: 'power' },
    { ...base, why: '70 of 115', certificate: toHex(certificate([0, 2, 4, 5])), reason: 'power' },
    { ...base, why: '65 of 115', certificate: toHex(certificate([1, 2, 3, 4, 5])), reason: 'power' },
    { ...base, why: 'bit beyond the set', certificate: beyond, reason: 'malformed' },
    { ...base, why: 'bitmap too long', certificate: good.replace('4103', '420300'), reason: 'malformed' },
    { ...base, why: 'bitmap empty', certificate: good.replace('4103', '40'), reason: 'malformed' },
    { ...base, why: 'a signature short', certificate: good.slice(0, -2), reason: 'malformed' },
    { ...base, why: 'a byte more', certificate: `${good}00`, reason: 'malformed' },
    { ...base, why: 'a signer more', certificate: good.replace('4103', '4107'), reason: 'malformed' },
    { ...base, why: 'another signer', certificate: good.replace('4103', '4105'), reason: 'power' },
    { ...base, why: 'long head', certificate: `831803${good.slice(4)}`, reason: 'malformed' },
    { ...base, why: 'another round', certificate: `8304${good.slice(4)}`, reason: 'signature' },
    { ...base, why: 'another height', height: 10, certificate: good, reason: 'signature' },
    { ...base, why: 'another network', network: 'x', certificate: good, reason: 'signature' },
    { ...base, why: 'another block', certificate: toHex(certificate([0, 1], other)), reason: 'signature' },
  ];
}

function schedule(members: readonly Member[], places: readonly (readonly [number, number])[]) {
  const order = ordered(members);
  return places.map(([height, round]) => ({
    height,
    round,
    proposer: order.indexOf(proposer(members, height, round)),
  }));
}

/** The content of pos.json. */
export function posVectors() {
  const heights = Array.from({ length: 60 }, (_, i) => [i + 1, 0] as const);
  const edges = [
    [1, 1],
    [1, 2],
    [5, ROUND_MAX],
    [HEIGHT_MAX, 0],
    [HEIGHT_MAX, ROUND_MAX],
    [123_456_789_012, 3],
  ] as const;
  const listed = (members: readonly Member[]) =>
    members.map(({ seed, key, power }) => ({
      seed: toHex(seed),
      key: toHex(key),
      power: power.toString(),
    }));
  return {
    network: NETWORK,
    validators: listed(MEMBERS),
    order: ORDER.map(({ key }) => toHex(key)),
    schedule: schedule(MEMBERS, [...heights, ...edges]),
    large: { validators: listed(LARGE), schedule: schedule(LARGE, [...heights.slice(0, 20), ...edges]) },
    signed: signedVectors(),
    certificates: certificateMessages(),
    malformed: malformed(),
    commits: commits(),
    refused: refusedCommits(),
  };
}

/** The file's text. */
export const posText = () => `${JSON.stringify(posVectors(), null, 2)}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('pos.json', import.meta.url), posText());
}
