// SPDX-License-Identifier: Apache-2.0
/** Values that the documents of the chain's methods show; the tests hold each against its schema. */
import { note, origin } from './examples.ts';

const bytes32 = (byte: string) => byte.repeat(32);

export const id = bytes32('a1');
export const key = bytes32('3c');

export const pending = { id, status: { state: 'pending' } } as const;

export const finalStatus = {
  state: 'final',
  height: '7',
  index: '0',
  time: '1790000000000',
} as const;

export const head = { height: '7', id: bytes32('b2'), time: '1790000000000' } as const;

export const block = {
  id: bytes32('b2'),
  height: '7',
  time: '1790000000000',
  proposer: 2,
  validators: bytes32('01'),
  transactionsRoot: bytes32('02'),
  anchorsRoot: bytes32('03'),
  stateRoot: bytes32('04'),
  history: bytes32('05'),
  header: '8b01',
  certificate: '83',
  transactions: ['8801'],
} as const;

export const account = { nonce: '3', balance: '1000000', nextNonce: '4' } as const;

export const cluster = {
  name: 'local',
  account: bytes32('0c'),
  balance: '5000000',
  keys: [{ name: 'pyralog/devnet-00112233aabbccdd/local/node-0', publicKey: key }],
  threshold: 1,
  faults: 0,
  submitters: [key],
} as const;

export const log = {
  origin,
  size: '1',
  roots: [{ alg: 'blake3', root: bytes32('0a') }],
  height: '7',
} as const;

export const parameters = {
  blockBytesMax: '1048576',
  feeBase: '1000',
  feePerByte: '10',
  maxDelayMs: '2000',
  precisionMs: '500',
} as const;

export const anchor = { origin, size: '1', note, height: '7', time: '1790000000000' } as const;

const validator = { name: 'node-0', key, power: '1', self: true } as const;

export const validators = { height: '8', validators: [validator] } as const;

export const consensusStatus = {
  height: '8',
  round: 0,
  rounds: '8',
  role: 'validator',
  validators: [validator],
  lastDecisionSeconds: 0.031,
  peersHearing: 3,
  syncing: false,
} as const;

export const peer = {
  id: '12D3KooWExample',
  address: '/ip4/127.0.0.1/tcp/4001',
  inbound: false,
  height: '7',
  score: 0,
  roundTripMs: 0.4,
  since: '1790000000000',
} as const;

export const netStatus = {
  id: '12D3KooWExample',
  addresses: ['/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWExample'],
  peers: 3,
  banned: 0,
} as const;

export const anchorStatus = {
  cluster: 'local',
  account: bytes32('0c'),
  balance: '5000000',
  empty: false,
  logs: [{ origin, durable: '1', size: '1', height: '7', time: '1790000000000' }],
} as const;

export const faults = {
  partitions: [{ peer: '*', direction: 'in' }],
  delayMs: 0,
  jitterMs: 0,
  dropRate: 0,
} as const;

export const nodeStatus = {
  name: 'node-0',
  networkId: 'devnet-00112233aabbccdd',
  version: '0.1.0',
  uptimeSeconds: 12.5,
  rssBytes: '94371840',
  records: '1',
  height: '7',
  headTime: '1790000000000',
  finalitySeconds: 0.031,
  role: 'validator',
  peers: 3,
  mempool: '0',
  anchored: '1',
  warnings: [],
} as const;
