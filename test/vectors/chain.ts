/**
 * Vectors of docs/spec/chain.md: transactions and blocks in bytes, and the state behind them. `chain.py` reads them
 * without any of this code. Made by:
 *
 *     node test/vectors/chain.ts
 */
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { encode } from 'cborg';
import { fromHex, toHex } from '../../base/bytes.ts';
import { decodeBlock, decodeTransaction, type SignedTransaction } from '../../chain/index.ts';
import { decodeHeader, encodeMultihash, formatGenesisJson } from '../../receipt/index.ts';
import {
  accountOf,
  GENESIS_DOCUMENT,
  make,
  NETWORK,
  noteOf,
  ORIGIN,
  openTestChain,
  registration,
  transfer,
} from '../support/chain.ts';
import { anchorOf, root } from '../support/chain-machine.ts';

/** Transactions of every kind, in an order in which they apply. */
async function transactions(): Promise<{ why: string; made: SignedTransaction }[]> {
  const digest = new Uint8Array(32).fill(0xd1);
  const lie = noteOf({ size: 5, root: root(6) });
  const bodies = [
    ['transfer', 0, { kind: 'transfer', to: accountOf(60), amount: 2n ** 20n }],
    ['register cluster', 0, registration()],
    ['first anchor', 1, anchorOf(0, 3)],
    ['anchor that extends it', 1, anchorOf(3, 8)],
    ['notarize', 2, { kind: 'notarize', multihash: encodeMultihash({ algorithm: 'sha256', digest }) }],
    ['evidence', 3, { kind: 'evidence', notes: [noteOf({ size: 5, root: root(5) }), lie] }],
  ] as const;
  const nonces = new Map<number, bigint>();
  const list = [];
  for (const [why, from, body] of bodies) {
    const nonce = nonces.get(from) ?? 0n;
    nonces.set(from, nonce + 1n);
    list.push({ why, made: await make({ from, nonce, body, until: 1_000 }) });
  }
  return list;
}

/** Bytes that are no transaction, made from one that is. */
function refused(good: Uint8Array): { why: string; bytes: string }[] {
  const decoded = decodeTransaction(good);
  assert.ok(decoded.ok && decoded.value.body.kind === 'transfer');
  const { sender, nonce, fee, until, body, signature } = decoded.value;
  const items = [1, 0, sender, nonce, fee, until, [body.to, body.amount], signature];
  const changed = (at: number, to: unknown) => encode(items.map((item, i) => (i === at ? to : item)));
  // The nonce, 0, is one byte behind the heads of array, version, kind and the sender's 34 bytes.
  const nonceAs = (hex: string) =>
    Buffer.concat([good.subarray(0, 37), Buffer.from(hex, 'hex'), good.subarray(38)]);
  const rows: [string, Uint8Array][] = [
    ['version 2', changed(0, 2)],
    ['kind 5', changed(1, 5)],
    ['sender of 31 bytes', changed(2, sender.subarray(1))],
    ['nonce of 2^63', changed(3, 2n ** 63n)],
    ['until of 2^53', changed(5, 2n ** 53n)],
    ['body with an item more', changed(6, [body.to, body.amount, 0])],
    ['signature of 63 bytes', changed(7, signature.subarray(1))],
    ['an item more', encode([...items, 0])],
    ['nonce in two bytes', nonceAs('1800')],
    ['nonce as a float', nonceAs('f90000')],
    ['nonce under a tag', nonceAs('c100')],
    ['nonce is null', nonceAs('f6')],
    ['array of indefinite length', Buffer.concat([Buffer.of(0x9f), good.subarray(1), Buffer.of(0xff)])],
    ['a byte more', Buffer.concat([good, Buffer.of(0)])],
    ['a byte less', good.subarray(0, -1)],
  ];
  return rows.map(([why, bytes]) => ({ why, bytes: toHex(bytes) }));
}

/** The text of chain.json. */
export async function chainText(): Promise<string> {
  const list = await transactions();
  const chain = await openTestChain();
  const blocks = [];
  const later = (await transfer(4, 0, accountOf(61), 7n)).bytes;
  const [pays, registers, ...rest] = list.map(({ made }) => made.bytes);
  assert.ok(pays && registers);
  for (const [i, step] of [[pays, registers], rest, [], [later]].entries()) {
    const bytes = await chain.step(step, i);
    const block = decodeBlock(bytes);
    const { id, evidence } = chain.app.head() ?? assert.fail();
    assert.ok(block.ok && block.value.transactions.length === step.length);
    const header = decodeHeader(block.value.header);
    assert.ok(header.ok);
    blocks.push({ id: toHex(id), bytes: toHex(bytes), certificate: toHex(evidence.bytes) });
  }
  const state = [];
  for await (const [key, value] of chain.kv.range({ from: Buffer.from('s'), to: Buffer.from('t') })) {
    state.push({ key: toHex(key.subarray(1)), value: toHex(value) });
  }
  const cutOff = (await chain.reader.log(ORIGIN))?.cutOffAt;
  assert.equal(cutOff, 2);
  await chain.end();
  const vectors = {
    genesis: JSON.parse(formatGenesisJson(GENESIS_DOCUMENT)),
    network: NETWORK,
    transactions: list.map(({ why, made }) => ({ why, id: toHex(made.id), bytes: toHex(made.bytes) })),
    refused: refused(pays),
    blocks,
    state,
  };
  return `${JSON.stringify(vectors, undefined, 1)}\n`;
}

export const CHAIN_JSON = fileURLToPath(new URL('chain.json', import.meta.url));

/** Bytes of a field of the vectors. */
export function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? assert.fail(`not hex: ${hex}`);
}

if (argv[1] === fileURLToPath(import.meta.url)) writeFileSync(CHAIN_JSON, await chainText());
