import Type, { type Static } from 'typebox';

/**
 * The node's settings: one definition gives the type, the validation, the commented file that `pyralog init` writes,
 * the flags of `pyralog start` and the table in docs/OPERATIONS.md (docs/spec/datadir.md D7–D9).
 *
 * Every field has a default, so that an empty file is a valid one. Units are in the names.
 */
const closed = { additionalProperties: false } as const;

const text = (value: string, description: string, extra: { pattern?: string } = {}) =>
  Type.String({ default: value, description, ...extra });

const count = (value: number, minimum: number, maximum: number, description: string) =>
  Type.Integer({ default: value, minimum, maximum, description });

const texts = (description: string) =>
  Type.Array(Type.String({ minLength: 1 }), { default: [], description });

const network = Type.Object(
  {
    name: text('pyralog', 'Network name of a new data directory; its genesis adds the rest (I3).', {
      pattern: '^[a-z][a-z0-9-]{0,30}$',
    }),
    cluster: text('local', 'Cluster this node belongs to; part of every origin (I4).', {
      pattern: '^[a-z0-9][a-z0-9._-]{0,62}$',
    }),
    node: text('node-0', 'Name of this node; part of its key name (I4).', {
      pattern: '^[a-z][a-z0-9-]{0,30}$',
    }),
    log: text('notary', 'Name of the notary log; part of its origin (I4).', {
      pattern: '^[a-z0-9][a-z0-9._-]{0,62}$',
    }),
  },
  { ...closed, description: 'Who this node is. Fixed once the data directory exists.' },
);

const rpc = Type.Object(
  {
    host: text('127.0.0.1', 'Listen address of JSON-RPC over HTTP and WebSocket.'),
    port: count(7070, 0, 65_535, 'Listen port; 0 lets the system choose.'),
    adminPort: count(7071, -1, 65_535, 'Admin port on 127.0.0.1; 0 = any, -1 = no admin listener.'),
    allowedHosts: texts('Names that the Host header may carry beside loopback and `host` (R5).'),
    allowedOrigins: texts('Web origins that browsers may call from (R5); never `*`.'),
    requestsPerSecond: count(
      0,
      0,
      1_000_000,
      'Calls a second from one address; 0 = no limit (R4).',
    ),
    connectionsMax: count(1_024, 1, 65_536, 'Connections at once (R4).'),
  },
  { ...closed, description: 'The face to the world (docs/spec/rpc.md).' },
);

const store = Type.Object(
  {
    walFileMiB: count(64, 1, 4_096, 'Size of one write-ahead log file (W1).'),
    checkpointMsMin: count(25, 1, 60_000, 'Least time between checkpoints nobody waits for (N5).'),
    queueMiB: count(64, 1, 4_096, 'Submissions waiting for the disk; beyond it `log/overloaded`.'),
    sha256Tree: Type.Boolean({
      default: false,
      description: 'Also keep a SHA-256 RFC 6962 tree, for C2SP readers (M3, C8).',
    }),
    dedupHours: count(24, 1, 8_760, 'Window in which a repeated submission is recognised (N3).'),
    dedupRecords: count(2_097_152, 1, 67_108_864, 'The same window in records (N3).'),
    inlineKiB: count(
      64,
      1,
      1_024,
      'Values of records above it become objects (O14); the notary’s never are.',
    ),
    filesDir: text('', 'Directory below which records may refer to files (O10); empty = none.'),
    durability: Type.Union(
      [Type.Literal('sync'), Type.Literal('interval'), Type.Literal('memory')],
      {
        default: 'sync',
        description:
          'What an answer stands for (N11): `sync` on disk; `interval` written, on disk within syncIntervalMs; `memory` applied, on disk with a later sync.',
      },
    ),
    syncIntervalMs: count(
      100,
      1,
      60_000,
      'Longest time until records of an `interval` log are on disk; ten times that for `memory` (W16).',
    ),
    changeDurability: Type.Boolean({
      default: false,
      description: 'Take a durability that is not the one recorded in the log, once (W16).',
    }),
    coordinator: count(0, 0, 1_023, 'Number in Scarab ids, unique in a cluster (S7).'),
    leadMsMax: count(
      7_200_000,
      1_000,
      604_800_000,
      'Most that ids may run ahead of the clock (S4).',
    ),
    fileLayer: Type.Union([Type.Literal('real'), Type.Literal('lose-unsynced')], {
      default: 'real',
      description: 'Tests only: `lose-unsynced` loses at a kill what a power cut would.',
    }),
  },
  { ...closed, description: 'The log on disk (docs/spec/wal.md).' },
);

const cluster = Type.Object(
  {
    members: text(
      '',
      'File that names the members of this node’s cluster (CG1); empty = a lone node.',
    ),
    listen: text(
      '',
      'IP address and port to listen on for members; empty = as the members file says.',
    ),
    acks: Type.Union([Type.Literal('majority'), Type.Literal('all')], {
      default: 'majority',
      description:
        'Who has a record on disk before it is acknowledged here (CG10): a `majority` of the members, or `all`.',
    }),
  },
  { ...closed, description: 'Nodes that keep the log together (docs/spec/cluster.md).' },
);

const retention = Type.Object(
  {
    keepMiB: count(0, 0, 1_000_000_000, 'Most MiB of sealed records; the oldest go. 0 = keep all.'),
    keepHours: count(0, 0, 1_000_000, 'Greatest age of sealed records. 0 = keep for ever.'),
    keepFromOffset: count(0, 0, 2 ** 53 - 1, 'Sealed records before it may go. 0 = keep all.'),
    compaction: Type.Union([Type.Literal('none'), Type.Literal('latest-by-key')], {
      default: 'none',
      description: '`latest-by-key` keeps only the latest record of each key (Y13).',
    }),
    tombstoneHours: count(24, 0, 1_000_000, 'How long a tombstone is kept at least (Y13).'),
    coldAfterHours: count(0, 0, 1_000_000, 'Age at which segments become Parquet. 0 = never.'),
    mergeMiB: count(0, 0, 1_024, 'Neighbouring segments below it together are merged. 0 = never.'),
    tickMs: count(10_000, 10, 3_600_000, 'How often to look for such work, besides after seals.'),
    mibPerSecond: count(32, 0, 100_000, 'What such work reads and writes; 0 = no limit (Y16).'),
  },
  { ...closed, description: 'What happens to old records (docs/spec/manifest.md); proofs stay.' },
);

const p2p = Type.Object(
  {
    listen: texts(
      'Addresses to listen on, as multiaddrs; none = /ip4/127.0.0.1/tcp/0 (any free port, this machine only).',
    ),
    announce: texts(
      'Multiaddrs told to peers instead of those listened on, for a node behind a port forward; none = those listened on.',
    ),
    peers: texts('Multiaddrs of peers to join the network by, each ending in /p2p/<peer id>.'),
    mdns: Type.Boolean({ default: false, description: 'Find peers on the local network.' }),
    discovery: Type.Boolean({
      default: false,
      description: 'Find peers through the network (Kademlia).',
    }),
    connectionsMax: count(128, 1, 4_096, 'Connections to peers at once.'),
    connectionsPerAddressMax: count(16, 1, 4_096, 'Connections from one IP address at once.'),
    faultInjection: Type.Boolean({
      default: false,
      description: 'Devnets only: lets the admin port cut, delay and drop messages.',
    }),
  },
  {
    ...closed,
    description: 'The network of peers (docs/spec/net.md); used when genesis has a chain.',
  },
);

const consensus = Type.Object(
  {
    preset: Type.Union([Type.Literal('default'), Type.Literal('fast')], {
      default: 'default',
      description: 'Timeouts of a round: `default` for wide areas, `fast` for one machine or site.',
    }),
    blockIntervalMs: count(200, 0, 3_600_000, 'Least time between two blocks.'),
    heartbeatMs: count(5_000, 10, 3_600_000, 'Time after which an empty block is made.'),
    mempoolTransactions: count(20_000, 1, 1_000_000, 'Transactions that may wait (X19).'),
    mempoolMiB: count(32, 1, 4_096, 'The same in memory (X19).'),
  },
  { ...closed, description: 'Agreement on blocks (docs/spec/pos.md, chain.md).' },
);

const anchor = Type.Object(
  {
    intervalMs: count(250, 10, 3_600_000, 'Least time between two anchors of a log (A3).'),
    feeMax: text(
      '1000000',
      'Most that one transaction of the anchoring pays; dearer ones wait, and a metric and the log say so (A6).',
      {
        pattern: '^[0-9]{1,19}$',
      },
    ),
    deposit: text(
      '1000000000',
      'Moved to the cluster account when this node registers its cluster.',
      {
        pattern: '^[0-9]{1,19}$',
      },
    ),
  },
  { ...closed, description: 'Checkpoints of the log on the chain (docs/spec/anchor.md).' },
);

export const configSchema = Type.Object(
  {
    dataDir: text('pyralog-data', 'Data directory; relative to the configuration file.'),
    network,
    rpc,
    store,
    cluster,
    retention,
    p2p,
    consensus,
    anchor,
    logLevel: Type.Union(
      [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
      { default: 'info', description: 'Least severe level that is logged.' },
    ),
    drainMsMax: count(10_000, 0, 600_000, 'How long a stop waits for calls in flight.'),
    passphraseFile: text('', 'File with the passphrase of the key files (K5); empty = none.'),
    client: Type.Object(
      { node: text('', 'Node the CLI talks to; empty = the `rpc` address of this file.') },
      { ...closed, description: 'What `pyralog stamp` and its like use.' },
    ),
  },
  closed,
);

/** Settings of one node, complete. */
export type Config = Static<typeof configSchema>;
