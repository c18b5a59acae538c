// SPDX-License-Identifier: Apache-2.0
/**
 * Shapes of the methods about the chain and the network (rpc.md R2): heights, times, amounts, nonces and powers are
 * decimal strings, ids, keys, hashes, transactions and proofs are lower-case hex.
 */
import Type, { type Static } from 'typebox';
import { decimal, origin, shape } from './schemas.ts';

/** Most bytes of a transaction (chain.md X1). */
export const TRANSACTION_BYTES_MAX = 65_536;
/** Most transactions of one `chain_submitTransactions` (R10). */
export const TRANSACTIONS_MAX = 1_000;
/** Most ids of one `notary_subscribeFinal`. */
export const FINAL_IDS_MAX = 1_000;
/** Longest ban an operator may give: a year, in seconds. */
const BAN_SECONDS_MAX = 31_536_000;

export const hex = (description: string, bytesMax?: number) =>
  Type.String({
    pattern: '^(?:[0-9a-f]{2})*$',
    ...(bytesMax === undefined ? {} : { maxLength: 2 * bytesMax }),
    description,
  });

export const hash = (description: string) =>
  Type.String({ pattern: '^[0-9a-f]{64}$', description });

export const transactionId = hash('Transaction id (chain.md X2), 32 bytes in hex.');
export const accountKey = hash('Account: an Ed25519 public key or a cluster account (X5, X6).');
export const height = decimal('Height of a block; the first is 1.');
const time = decimal('Unix milliseconds.');

export const transactionBytes = Type.String({
  minLength: 2,
  maxLength: 2 * TRANSACTION_BYTES_MAX,
  pattern: '^(?:[0-9a-f]{2})+$',
  description: 'The bytes of a signed transaction (X1) in hex, at most 65,536 bytes.',
});

export const waitForFinal = Type.Enum(['pending', 'final'], {
  description:
    'Answer when the mempool has taken it (`pending`, the default) or when its block is final or it was dropped (`final`).',
});

export const transactionStatus = shape(
  {
    state: Type.Enum(['pending', 'final', 'dropped', 'unknown']),
    height: Type.Optional(height),
    index: Type.Optional(decimal('Place in the block.')),
    time: Type.Optional(time),
    code: Type.Optional(
      Type.String({ description: 'Why it was dropped, such as `chain/expired`.' }),
    ),
    reason: Type.Optional(Type.String({ description: 'The same for a person.' })),
  },
  'Where a transaction is: `final` has height, index and time; `dropped` has code and reason; `unknown` = not seen or forgotten.',
);

export const submittedTransaction = shape(
  { id: transactionId, status: transactionStatus },
  'A transaction that the mempool has taken, or had already.',
);

export const headFields = {
  height: decimal('Newest final height; 0 before the first block.'),
  id: Type.Optional(hash('Id of that block (X11).')),
  time: Type.Optional(time),
};

export const head = shape(headFields, 'The newest final block.');

export const block = shape(
  {
    id: hash('Block id (X11).'),
    height,
    time,
    proposer: Type.Integer({ minimum: 0, description: 'Index in the validator set.' }),
    validators: hash('Hash of the validator set (X10).'),
    nextValidators: Type.Optional(hash('Hash of the next set, when it is another.')),
    transactionsRoot: hash('Root of the tree of transactions.'),
    anchorsRoot: hash('Root of the tree of anchors.'),
    stateRoot: hash('State root behind this block.'),
    history: hash('Root over the ids of all earlier headers.'),
    header: hex('Bytes of the header, which the id is over.'),
    certificate: hex("The block's own certificate (pos.md P6)."),
    transactions: Type.Array(hex('Bytes of a transaction.')),
  },
  'A final block.',
);

export const clusterWire = shape(
  {
    name: Type.String(),
    account: accountKey,
    balance: decimal("What is left for the fees of its logs' anchors."),
    keys: Type.Array(shape({ name: Type.String(), publicKey: hex('Public key.') })),
    threshold: Type.Integer({ minimum: 1 }),
    faults: Type.Integer({ minimum: 0 }),
    submitters: Type.Array(accountKey),
  },
  'A registered cluster (X6).',
);

const root = shape({ alg: Type.Enum(['blake3', 'sha256']), root: hash('Root of the log.') });

export const anchoredLog = shape(
  {
    origin,
    size: decimal('Records that the last anchor covers; 0 before its first.'),
    roots: Type.Array(root),
    height,
    cutOffAt: Type.Optional(decimal('Height at which evidence cut the log off (X9).')),
  },
  'A log as the chain knows it (X14).',
);

export const parameters = shape(
  {
    blockBytesMax: decimal('Most bytes of a block.'),
    feeBase: decimal('Fee of any transaction.'),
    feePerByte: decimal('Fee of each of its bytes.'),
    maxDelayMs: decimal('Oldest that a proposed block time may be (finality.md F6).'),
    precisionMs: decimal('How far the clocks of correct validators are apart.'),
  },
  'Parameters of the chain, from genesis (identity.md I7).',
);

export const finalAnchor = shape(
  {
    origin,
    size: decimal('Records the anchored checkpoint covers.'),
    note: Type.String({ description: 'The signed checkpoint as it was anchored.' }),
    height,
    time,
  },
  'An anchor that is final.',
);

export const validator = shape(
  {
    name: Type.String(),
    key: hash('Vote key.'),
    power: decimal('Weight of its vote.'),
    self: Type.Boolean({ description: 'Whether it is this node.' }),
  },
  'A validator, in the order of the set.',
);

export const consensusStatus = shape(
  {
    height: decimal('Height being decided.'),
    round: Type.Integer({ minimum: 0 }),
    rounds: decimal('Rounds begun since the start.'),
    role: Type.Enum(['validator', 'full'], { description: '`full`: follows and does not vote.' }),
    validators: Type.Array(validator),
    lastDecisionSeconds: Type.Number({ minimum: 0 }),
    peersHearing: Type.Integer({
      minimum: 0,
      description: 'Other validators heard of at this height or the last.',
    }),
    syncing: Type.Boolean({
      description:
        'Behind: validators with more than a third of the power have more, or final blocks are being fetched.',
    }),
  },
  "This node's part in the agreement.",
);

export const peer = shape(
  {
    id: Type.String(),
    address: Type.String({ description: 'Multiaddr of the connection.' }),
    inbound: Type.Boolean(),
    height: Type.Optional(decimal('Newest height it claims.')),
    score: Type.Number({ description: '0 is spotless; at −100 it is banned (net.md G12).' }),
    roundTripMs: Type.Optional(Type.Number({ minimum: 0 })),
    since: time,
    name: Type.Optional(Type.String({ description: 'Node name, when it said one.' })),
  },
  'A connected peer.',
);

export const netStatus = shape({
  id: Type.String({ description: 'Own peer id.' }),
  addresses: Type.Array(Type.String({ description: 'Multiaddr to be dialled at.' })),
  peers: Type.Integer({ minimum: 0 }),
  banned: Type.Integer({ minimum: 0 }),
});

export const anchorStatus = shape(
  {
    cluster: Type.String(),
    account: Type.Optional(accountKey),
    balance: Type.Optional(decimal("What is left of the cluster's account.")),
    empty: Type.Boolean({
      description: 'The account cannot pay the next anchor, or the cluster is not registered.',
    }),
    logs: Type.Array(
      shape({
        origin,
        durable: decimal('Durable records.'),
        size: decimal('Records under the last final anchor; 0 = none yet.'),
        height: Type.Optional(height),
        time: Type.Optional(time),
        cutOffAt: Type.Optional(decimal('Height at which the log was cut off (X9).')),
      }),
    ),
  },
  'How far the logs of this node are anchored.',
);

const peerName = Type.String({ minLength: 1, maxLength: 128, description: 'Peer id, or `*`.' });

export const faultParams = shape({
  action: Type.Enum(['partition', 'heal', 'delay', 'drop', 'clear', 'show'], {
    description:
      '`partition` and `heal` take `peers`, `delay` takes `delayMs` and `jitterMs`, `drop` takes `rate`.',
  }),
  peers: Type.Optional(Type.Array(peerName, { minItems: 1, maxItems: 256 })),
  directions: Type.Optional(
    Type.Array(Type.Enum(['in', 'out']), {
      minItems: 1,
      maxItems: 2,
      description: 'Default both.',
    }),
  ),
  delayMs: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
  jitterMs: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
  rate: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
});

export const faultState = shape(
  {
    partitions: Type.Array(shape({ peer: Type.String(), direction: Type.Enum(['in', 'out']) })),
    delayMs: Type.Number(),
    jitterMs: Type.Number(),
    dropRate: Type.Number(),
  },
  'The faults in force at this node.',
);

export const ban = shape({
  peer: Type.String({ minLength: 1, maxLength: 128 }),
  seconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: BAN_SECONDS_MAX, description: 'Default an hour.' }),
  ),
});

export const nodeStatus = shape(
  {
    name: Type.String(),
    networkId: Type.String(),
    version: Type.String(),
    uptimeSeconds: Type.Number({ minimum: 0 }),
    rssBytes: decimal('Resident memory of the process.'),
    records: decimal('Durable records of its logs.'),
    height: decimal('Newest final height; 0 without a chain.'),
    headTime: Type.Optional(time),
    finalitySeconds: Type.Optional(Type.Number({ minimum: 0 })),
    role: Type.Enum(['none', 'validator', 'full']),
    peers: Type.Integer({ minimum: 0 }),
    mempool: decimal('Transactions that wait.'),
    anchored: decimal('Records of its logs under final anchors.'),
    warnings: Type.Array(Type.String(), {
      description: 'What an operator must see to, such as a validator that does not vote.',
    }),
  },
  'What a status screen shows of a node.',
);

export type TransactionStatusWire = Static<typeof transactionStatus>;
export type BlockWire = Static<typeof block>;
export type ClusterWire = Static<typeof clusterWire>;
export type AnchoredLogWire = Static<typeof anchoredLog>;
export type FinalAnchorWire = Static<typeof finalAnchor>;
export type ParametersWire = Static<typeof parameters>;
