/**
 * Attacks on four validator processes by strangers, by clients, by the owner of a log and by a validator: each is
 * refused with its reason, and the network goes on.
 */
import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import { toHex, toUtf8 } from '../../base/bytes.ts';
import { encodeTransaction, type TransactionBody } from '../../chain/index.ts';
import { encodeBatch } from '../../chain/mempool/batch.ts';
import { createSeedSigner, type Signer } from '../../consensus/index.ts';
import { encodeCbor } from '../../consensus/pos/cbor.ts';
import {
  decodeSyncRequest,
  encodeStatus,
  encodeSyncAnswer,
  messageFrame,
  proposalFrame,
} from '../../consensus/pos/wire.ts';
import { type Channel, TOPICS } from '../../net/index.ts';
import { compress, topicPath } from '../../net/libp2p/gossip-codec.ts';
import {
  certificateHash,
  cosign,
  encodeMultihash,
  formatCheckpointBody,
  formatNote,
  parseCheckpoint,
  verificationKey,
} from '../../receipt/index.ts';
import {
  AttackedDevnet,
  eventually,
  type Outcome,
  type RpcFailure,
} from '../support/attack/devnet.ts';
import {
  type Draft,
  RogueValidator,
  type Sealed,
  seal,
} from '../support/attack/rogue-validator.ts';
import { Guest, helloBytes, helloOf, Stranger } from '../support/attack/stranger.ts';
import { Workspace } from '../support/node-process.ts';

const GARBAGE = Uint8Array.from({ length: 500 }, (_, i) => i * 89 + 3);
/** Low, so that a test can fill it. */
const MEMPOOL_MAX = 1_500;
const MIB = 1024 * 1024;

describe('network under attack', function () {
  this.timeout(120_000);
  const workspace = new Workspace();
  const open: { stop(): Promise<void> }[] = [];
  let devnet: AttackedDevnet;

  before(async () => {
    devnet = await AttackedDevnet.start(workspace, [
      'consensus.preset=fast',
      'consensus.heartbeatMs=50',
      `consensus.mempoolTransactions=${MEMPOOL_MAX}`,
    ]);
    await devnet.goesOn(1, [0, 1, 2, 3]);
  });
  afterEach(async () => {
    for (const each of open.splice(0)) await each.stop();
    await devnet.goesOn();
  });
  after(async () => {
    await workspace.cli(['devnet', 'down']);
    await workspace.remove();
  });

  async function stranger(): Promise<Stranger> {
    const started = await Stranger.start(devnet);
    open.push(started);
    return started;
  }

  async function guest(nodes: readonly number[] = [0], hello = {}): Promise<Guest> {
    const started = await Guest.start(devnet, nodes, hello);
    open.push({ stop: () => started.close() });
    return started;
  }

  /** Does it, and waits until node 0 holds such a fault against somebody. */
  async function faulted(kind: string, act: () => Promise<unknown>): Promise<void> {
    const before = await devnet.faults(kind);
    await act();
    await eventually(async () => (await devnet.faults(kind)) > before, `a fault ${kind}`);
  }

  describe('of strangers', () => {
    const cases: [string, string, () => Uint8Array][] = [
      ['garbage after the handshake of noise', 'malformed', () => GARBAGE],
      ['a frame said to be of 4 GiB', 'oversized', () => Uint8Array.of(255, 255, 255, 255, 3)],
      ['an HTTP request', 'malformed', () => toUtf8('GET / HTTP/1.1\r\n\r\n')],
      [
        'another network id',
        'wrong-network',
        () => helloBytes(helloOf(devnet, { networkId: 'devnet-0011223344556677' })),
      ],
      [
        'another genesis',
        'wrong-genesis',
        () => helloBytes(helloOf(devnet, { genesisHash: new Uint8Array(32) })),
      ],
      ['an old version', 'old-version', () => helloBytes(helloOf(devnet, { version: 0 }))],
    ];
    for (const [name, reason, bytes] of cases) {
      it(`says goodbye to ${name}: ${reason}`, async () => {
        const peer = await stranger();
        await faulted(reason, () => peer.say(bytes()));
        await eventually(() => peer.goodbyes.length > 0, 'a goodbye');
        assert.deepEqual(peer.goodbyes, [reason]);
        await eventually(() => peer.connections === 0, 'the end of the connection');
      });
    }

    it('bans who does it again, and says so', async () => {
      const { banned } = await devnet.call('net_status');
      const peer = await stranger();
      for (let i = 0; i < 2; i++) {
        await faulted('malformed', () => peer.say(GARBAGE));
        await eventually(() => peer.connections === 0, 'the end of the connection');
      }
      assert.equal((await devnet.call('net_status')).banned, banned + 1);
      assert.equal(await devnet.metric('pyralog_net_banned_peers_total'), banned + 1);
      const faults = await devnet.faults('malformed');
      await peer.say(GARBAGE).catch(() => undefined);
      await eventually(() => peer.connections === 0, 'the end of the connection');
      assert.equal(await devnet.faults('malformed'), faults, 'it was listened to');
      assert.match(devnet.log(), new RegExp(`"peer":"${peer.id}".*peer banned`));
    });

    it('refuses a node of another network, and tells it why', async () => {
      const other = { networkId: 'devnet-0011223344556677' };
      await faulted('wrong-network', () =>
        assert.rejects(guest([0], other), {
          code: 'net/refused',
          data: { peer: devnet.address(0).peer, reason: 'wrong-network' },
        }),
      );
    });
  });

  describe('of peers', () => {
    for (const channel of ['consensus', 'sync', 'status'] as const) {
      it(`scores garbage in the channel ${channel}, then bans`, async () => {
        const peer = await guest();
        await faulted('malformed', () => peer.send(0, channel, GARBAGE));
        const score = await peer.score();
        assert.ok(score !== undefined && score < -50 && score > -100, `score ${score}`);
        await faulted('malformed', () => peer.send(0, channel, GARBAGE));
        await assert.rejects(peer.dial(0), { code: /net\/(refused|unreachable)/ });
        assert.match(
          devnet.log(),
          new RegExp(`"peer":"${peer.id}","fault":"malformed","reason":"[^"]+ \\(P\\d+\\)"`),
        );
      });
    }

    it('scores garbage and a false block in the answer to a request', async () => {
      for (const [kind, answer] of [
        ['malformed', () => GARBAGE],
        [
          'invalid',
          (request: number) =>
            encodeSyncAnswer({ request, blocks: [{ bytes: GARBAGE, certificate: GARBAGE }] }),
        ],
      ] as const) {
        const peer = await guest();
        peer.onFrame = (_, { channel, bytes }: { channel: Channel; bytes: Uint8Array }) => {
          const request = channel === 'sync' ? decodeSyncRequest(bytes) : undefined;
          if (request !== undefined) void peer.send(0, 'answers', answer(request.request));
        };
        await faulted(kind, () => peer.send(0, 'status', encodeStatus(1_000_000_000)));
        await peer.close();
      }
    });

    it('scores votes and proposals that no validator signed', async () => {
      const honest = (await devnet.key('vote', 1)).publicKey;
      const own = (await devnet.key('vote', 0)).publicKey;
      const nobody = createSeedSigner(new Uint8Array(32).fill(9)).publicKey;
      const id = new Uint8Array(32).fill(1);
      const signature = new Uint8Array(64).fill(2);
      const certificate = (height: number) => encodeCbor([3, height, 0, id, [[honest, signature]]]);
      const rows: [string, RegExp, (height: number) => Uint8Array][] = [
        [
          'vote',
          /bad-signature/,
          (height) => messageFrame(encodeCbor([0, height, 0, id, honest, signature])),
        ],
        [
          'vote of nobody',
          /unknown-validator/,
          (height) => messageFrame(encodeCbor([1, height, 0, null, nobody, signature])),
        ],
        [
          'vote of the node itself',
          /forged message of this node/,
          (height) => messageFrame(encodeCbor([0, height, 0, id, own, signature])),
        ],
        [
          'proposal',
          /bad-signature|not-proposer/,
          (height) =>
            proposalFrame(encodeCbor([2, height, 0, null, id, honest, signature]), GARBAGE),
        ],
        [
          'certificate',
          /bad-certificate|bad-signature/,
          (height) => messageFrame(certificate(height)),
        ],
      ];
      for (const [name, reason, frame] of rows) {
        const peer = await guest();
        const fault = () =>
          devnet
            .log()
            .split('\n')
            .find((line) => line.includes(peer.id) && line.includes('"invalid"'));
        // A height may end before the message of it arrives: then it is stale, and nobody's fault.
        await eventually(async () => {
          await peer
            .send(0, 'consensus', frame((await devnet.height()) + 1))
            .catch(() => undefined);
          return fault() !== undefined;
        }, `the fault of a forged ${name}`);
        assert.match(fault() ?? '', reason);
        await peer.close();
      }
    });

    it('scores gossip that is no message, too long, or not a batch', async () => {
      const topic = topicPath(devnet.network, 'transactions');
      const raw = await stranger();
      await raw.subscribe(topic);
      await faulted('malformed', () =>
        raw.gossip.publish(topic, Uint8Array.of(255, 255, 255, 255, 255, 255)),
      );
      await faulted('oversized', () =>
        raw.gossip.publish(topic, compress(new Uint8Array(TOPICS.transactions + 1))),
      );
      await eventually(() => raw.connections === 0, 'the ban');
      const peer = await guest();
      const rejected = await devnet.metric('pyralog_net_gossip_rejected_total');
      await published(peer, GARBAGE, 'invalid');
      assert.ok((await devnet.metric('pyralog_net_gossip_rejected_total')) > rejected);
      assert.ok(((await peer.score()) ?? 0) < -20);
    });
  });

  /** Gossip reaches a neighbour once it has told that it listens. */
  async function published(peer: Guest, batch: Uint8Array, fault?: string): Promise<void> {
    const count = () =>
      fault === undefined
        ? devnet.metric('pyralog_net_gossip_received_total')
        : devnet.faults(fault);
    const before = await count();
    await eventually(async () => {
      await peer.network.gossip.publish('transactions', batch);
      return (await count()) > before;
    }, 'the gossip');
  }

  describe('by transactions', () => {
    /** Code, what the message says, and the bytes. */
    async function bad(sender: Signer): Promise<[string, RegExp, Uint8Array][]> {
      const nonce = await devnet.nextNonce(sender.publicKey);
      const good = await devnet.sign(sender, transfer(), { nonce });
      const broken = { ...good.transaction, signature: new Uint8Array(64).fill(1) };
      const sign = async (amount: bigint, changes: object = {}) =>
        (await devnet.sign(sender, transfer(amount), { nonce, ...changes })).bytes;
      return [
        ['chain/bad-nonce', /next is/, await sign(1n, { nonce: nonce + 5_000n })],
        ['chain/fee-too-low', /at least/, await sign(1n, { fee: 10n })],
        ['chain/insufficient-balance', /\(X16\)/, await sign(2n ** 62n)],
        ['chain/expired', /final/, await sign(1n, { until: 1 })],
        ['chain/bad-signature', /\(X1\)/, encodeTransaction(broken)],
        [
          'chain/bad-signature',
          /another network/,
          await sign(1n, { network: 'devnet-0011223344556677' }),
        ],
        ['chain/malformed', /one item of CBOR/, GARBAGE],
        [
          'chain/malformed',
          /CBOR/,
          Buffer.concat([
            good.bytes.subarray(0, 1),
            Uint8Array.of(0x18, 1),
            good.bytes.subarray(2),
          ]),
        ],
        ['chain/malformed', /one item of CBOR/, good.bytes.subarray(0, -1)],
      ];
    }

    it('refuses each over RPC with its code and reason', async () => {
      const sender = await devnet.account(0);
      for (const [code, reason, bytes] of await bad(sender)) {
        const { error } = await devnet.submit(bytes);
        assert.equal(error?.data.reason, code, error?.message);
        assert.match(error.message, reason);
        assert.equal(error.data.retryable, false);
      }
      await devnet.execute(sender, transfer());
    });

    it('refuses the nonce of a final transaction', async () => {
      const sender = await devnet.account(0);
      const { bytes } = await devnet.sign(sender, transfer(3n), { nonce: 0n });
      const { error } = await devnet.submit(bytes);
      assert.equal(error?.data.reason, 'chain/bad-nonce');
    });

    it('drops each that comes by gossip; only bad form and signature are the fault of the neighbour', async () => {
      const sender = await devnet.account(0);
      for (const [code, , bytes] of await bad(sender)) {
        const peer = await guest();
        const isFault = code === 'chain/malformed' || code === 'chain/bad-signature';
        await published(
          peer,
          encodeBatch({ round: 0, transactions: [bytes] }),
          isFault ? 'invalid' : undefined,
        );
        const score = (await peer.score()) ?? Number.NaN;
        assert.ok(isFault ? score < -20 : score === 0, `${code}: score ${score}`);
        await peer.close();
      }
      assert.equal(await devnet.metric('pyralog_chain_mempool_transactions_total'), 0);
      await devnet.execute(sender, transfer());
    });
  });

  describe('by the owner of a log', () => {
    const name = 'forger';
    const seed = new Uint8Array(32).fill(0x5e);
    const root = (byte: number) => new Uint8Array(32).fill(byte);
    let account: Signer;
    let origin: string;

    const keyName = () => `pyralog/${devnet.network}/${name}/node-0`;
    interface Told {
      readonly size?: number;
      readonly root: Uint8Array;
      readonly origin?: string;
      readonly by?: Uint8Array;
      readonly signed?: boolean;
    }
    function note({
      size = 5,
      root: of,
      origin: log = origin,
      by = seed,
      signed = true,
    }: Told): string {
      const body = formatCheckpointBody({
        origin: log,
        size,
        root: of,
        epoch: 1,
        time: 1_790_000_000_500,
      });
      const key = verificationKey(keyName(), 'cosignature', ed25519.getPublicKey(seed));
      const other = verificationKey(`${keyName()}0`, 'cosignature', ed25519.getPublicKey(root(3)));
      const registered = cosign(body, key, 1_790_000_001, (message) => ed25519.sign(message, by));
      const foreign = cosign(body, other, 1_790_000_001, (message) =>
        ed25519.sign(message, root(3)),
      );
      return formatNote({ body, signatures: [signed ? registered : foreign] });
    }
    const evidence = (a: string, b: string): TransactionBody => ({
      kind: 'evidence',
      notes: [a, b],
    });
    const anchor = (size: number, of: Uint8Array): TransactionBody => ({
      kind: 'anchor',
      note: note({ size, root: of }),
      from: 0,
      paths: [[]],
    });

    before(async () => {
      account = await devnet.account(0);
      origin = `pyralog/${devnet.network}/${name}/notary/0`;
      await devnet.execute(account, {
        kind: 'register-cluster',
        name,
        keys: [{ name: keyName(), publicKey: ed25519.getPublicKey(seed) }],
        threshold: 1,
        faults: 0,
        submitters: [account.publicKey],
        deposit: 1_000_000_000n,
      });
    });

    it('refuses a forged contradiction', async () => {
      const elsewhere = `pyralog/${devnet.network}/${name}/notary/1`;
      const rows: [RegExp, string, string][] = [
        [
          /does not verify/,
          note({ root: root(1), by: root(4) }),
          note({ root: root(2), by: root(4) }),
        ],
        [
          /0 keys .* signed/,
          note({ root: root(1), signed: false }),
          note({ root: root(2), signed: false }),
        ],
        [/0 keys .* signed/, note({ root: root(1) }), note({ root: root(2), signed: false })],
        [/the roots are equal/, note({ root: root(1) }), note({ root: root(1) })],
        [/the sizes are 5 and 6/, note({ root: root(1) }), note({ root: root(2), size: 6 })],
        [/of two logs/, note({ root: root(1) }), note({ root: root(2), origin: elsewhere })],
      ];
      for (const [reason, a, b] of rows) {
        const refusal = await devnet.refusalOf(account, evidence(a, b));
        assert.equal(refusal.code, 'chain/refused', refusal.reason);
        assert.match(refusal.reason, reason);
      }
      const { error } = await devnet.ask('chain_log', { origin });
      assert.equal(error?.data.reason, 'chain/not-found');
    });

    it('cuts a log off on a real contradiction, whose later anchors are refused', async () => {
      await devnet.execute(account, anchor(4, root(1)));
      await devnet.execute(account, evidence(note({ root: root(1) }), note({ root: root(2) })));
      const log = await devnet.call('chain_log', { origin }, 1);
      assert.equal(log.size, '4');
      assert.ok(Number(log.cutOffAt) > Number(log.height));
      const late: TransactionBody = { ...anchor(9, root(9)), from: 4 } as TransactionBody;
      const refusal = await devnet.refusalOf(account, late);
      assert.match(refusal.reason, new RegExp(`${origin} was cut off at height ${log.cutOffAt}`));
      const again = await devnet.refusalOf(
        account,
        evidence(note({ root: root(1) }), note({ root: root(3) })),
      );
      assert.match(again.reason, /cut off already/);
    });

    it('keeps the records of a cut-off log at checkpoint, and says why', async () => {
      const submit = async (byte: number) => {
        const params = { algorithm: 'sha256', digest: toHex(root(byte)), waitFor: 'checkpoint' };
        return await devnet.call('notary_submit', params, 1);
      };
      const early = await submit(1);
      await devnet.call('notary_receipt', { id: early.id, waitFor: 'final', timeoutMs: 30_000 }, 1);
      const truth = parseCheckpoint(
        (await devnet.call('log_checkpoint', { origin: early.origin }, 1)).note,
      );
      assert.ok(truth.ok);
      const { keys } = await devnet.call('chain_cluster', { name: 'org-1' });
      const { seed: nodeSeed, publicKey } = await devnet.key('cosigning', 1);
      assert.equal(keys[0].publicKey, toHex(publicKey));
      const body = formatCheckpointBody({ ...truth.value.checkpoint, root: root(0xee) });
      const key = verificationKey(keys[0].name, 'cosignature', publicKey);
      const lie = formatNote({
        body,
        signatures: [cosign(body, key, 1_790_000_001, (m) => ed25519.sign(m, nodeSeed))],
      });
      await devnet.execute(account, evidence(formatNote(truth.value.note), lie), 1);
      const late = await submit(2);
      const status = async () => (await devnet.call('anchor_status', {}, 1)).logs[0];
      await eventually(async () => (await status()).cutOffAt !== undefined, 'the end of the log');
      await eventually(
        () => /"why":"the log [^"]+ was cut off at height \d+ \(X9\)"/.test(devnet.log(1)),
        'the reason in the log',
      );
      await devnet.goesOn(3);
      const { size, durable } = await status();
      assert.ok(Number(size) < Number(durable));
      const receipt = async (id: string) =>
        await devnet.call('notary_receipt', { id, waitFor: 'checkpoint' }, 1);
      assert.equal((await receipt(late.id)).finality, undefined);
      assert.equal((await devnet.call('notary_status', { id: late.id }, 1)).level, 'checkpoint');
      const kept = await devnet.call(
        'notary_upgradeReceipt',
        { receipt: await receipt(early.id) },
        1,
      );
      assert.equal(kept.finality.length, 1);
    });
  });

  describe('by too many transactions', () => {
    it('answers a flood beyond the mempool with when to come back, in bounded memory, and still takes who pays', async () => {
      const before = await devnet.metric('pyralog_node_resident_bytes');
      const refused: RpcFailure['data'][] = [];
      for (const number of [1, 2, 3]) {
        const sender = await devnet.account(number);
        const nonce = await devnet.nextNonce(sender.publicKey);
        // Behind a gap: no block takes them away.
        const made = await Promise.all(
          Array.from({ length: 1_000 }, (_, i) =>
            devnet.sign(sender, transfer(), { nonce: nonce + 1n + BigInt(i), fee: 5_000n }),
          ),
        );
        const transactions = made.map(({ bytes }) => toHex(bytes));
        const { results } = await devnet.call('chain_submitTransactions', { transactions });
        refused.push(...results.flatMap(({ error }: Outcome) => error?.data ?? []));
      }
      assert.equal(await devnet.metric('pyralog_chain_mempool_transactions_total'), MEMPOOL_MAX);
      assert.ok(refused.length > 500, `${refused.length} refused`);
      for (const { reason, retryable, retryAfterMs } of refused) {
        assert.deepEqual([reason, retryable], ['chain/mempool-full', true]);
        assert.ok(
          retryAfterMs !== undefined && retryAfterMs > 0 && retryAfterMs <= 600_000,
          `${retryAfterMs}`,
        );
      }
      const grown = (await devnet.metric('pyralog_node_resident_bytes')) - before;
      assert.ok(grown < 100 * MIB, `${grown} bytes more`);
      await devnet.execute(await devnet.account(0), transfer());
    });
  });

  describe('by a validator', () => {
    let rogue: RogueValidator;

    before(async () => {
      const { code, stdout, stderr } = await workspace.cli(['devnet', 'fault', 'kill', 'node-3']);
      assert.equal(code, 0, stdout + stderr);
      rogue = await RogueValidator.start(devnet, 3);
    });
    after(() => rogue?.close());

    /** Takes a turn; nobody votes for what it proposes, and the height ends with another block. */
    async function refused(make: (draft: Draft) => Sealed | Promise<Sealed>): Promise<string> {
      await rogue.newIdentity();
      const proposed = await make(await rogue.turn());
      await rogue.propose(proposed);
      await eventually(async () => (await devnet.height()) >= proposed.height, 'another block');
      assert.notDeepEqual((await devnet.block(proposed.height)).id, proposed.id, 'it became final');
      const { nil, block } = rogue.prevotes(proposed.height);
      assert.deepEqual([nil, block], [3, 0], 'prevotes of the three others');
      const said = devnet
        .log()
        .split('\n')
        .filter(
          (line) =>
            line.includes('proposal refused') && line.includes(`"height":${proposed.height},`),
        );
      return said.join('\n');
    }

    it('makes a good block of its final: what follows is refused for its fault alone', async () => {
      const proposed = seal(await rogue.turn());
      await rogue.propose(proposed);
      await eventually(async () => (await devnet.height()) >= proposed.height, 'the block');
      assert.deepEqual((await devnet.block(proposed.height)).id, proposed.id);
    });

    const spoil: [string, RegExp, (draft: Draft) => Sealed | Promise<Sealed>][] = [
      [
        'a wrong state root',
        /state/,
        (draft) => seal(draft, { header: { state: new Uint8Array(32).fill(1) } }),
      ],
      [
        'the time of its parent',
        /time/,
        (draft) => seal(draft, { header: { time: draft.header.time - 3_600_000 } }),
      ],
      [
        'a time far in the future',
        /untimely.*P25/,
        (draft) => seal(draft, { header: { time: draft.header.time + 3_600_000 } }),
      ],
      [
        'another proposer',
        /proposer/,
        (draft) => seal(draft, { header: { proposer: draft.header.proposer === 0 ? 1 : 0 } }),
      ],
      [
        'a certificate that proves nothing',
        /certif/,
        (draft) =>
          seal(
            { ...draft, certificate: GARBAGE },
            { header: { certificate: certificateHash(GARBAGE) } },
          ),
      ],
      [
        'a transaction that does not apply',
        /nonce/,
        async (draft) => {
          const { bytes } = await devnet.sign(
            await devnet.account(0),
            { kind: 'notarize', multihash: multihash() },
            { nonce: 900_000n },
          );
          return seal(draft, { transactions: [bytes] });
        },
      ],
      [
        'a transaction that nobody signed',
        /signature/,
        async (draft) => {
          const { transaction } = await devnet.sign(await devnet.account(0), {
            kind: 'notarize',
            multihash: multihash(),
          });
          return seal(draft, {
            transactions: [
              encodeTransaction({ ...transaction, signature: new Uint8Array(64).fill(1) }),
            ],
          });
        },
      ],
    ];
    for (const [what, reason, make] of spoil) {
      it(`votes for no block with ${what}`, async () => {
        assert.match(await refused(make), reason);
      });
    }

    it('holds bytes that are not the block against who sent them', async () => {
      const peer = await rogue.newIdentity();
      const { height, id } = seal(await rogue.turn());
      await rogue.propose({ height, id, body: GARBAGE });
      await eventually(
        () => new RegExp(`"peer":"${peer.id}","fault":"invalid"`).test(devnet.log()),
        'the fault',
      );
    });

    it('counts two proposals and two votes for one round, and agrees on one block', async () => {
      await rogue.newIdentity();
      const misbehaviour = async () => {
        const counts = await Promise.all(
          [0, 1, 2].map((node) => devnet.metric('pyralog_consensus_misbehaviour_total', node)),
        );
        return Math.max(...counts);
      };
      const before = await misbehaviour();
      const draft = await rogue.turn();
      const one = seal(draft);
      const two = seal(draft, { header: { time: draft.header.time + 1 } });
      for (const type of [0, 1] as const) {
        for (const { id, height } of [one, two]) await rogue.vote(type, height, id);
      }
      await Promise.all([rogue.propose(one, [0, 1]), rogue.propose(two, [1, 2])]);
      await eventually(async () => (await misbehaviour()) > before, 'evidence');
      for (const node of [0, 1, 2]) {
        await eventually(async () => (await devnet.height(node)) >= one.height, 'the block');
      }
      const ids = await Promise.all(
        [0, 1, 2].map(async (node) => toHex((await devnet.block(one.height, node)).id)),
      );
      assert.equal(new Set(ids).size, 1);
      assert.match([0, 1, 2].map((node) => devnet.log(node)).join(), /validator signed two things/);
    });
  });

  describe('afterwards', () => {
    it('comes through with every process that began, and none that complains of a bug', async () => {
      for (const node of [0, 1, 2]) {
        assert.doesNotMatch(devnet.log(node), /"level":60|invariant broken|unhandled/i);
        assert.match(devnet.log(node), /node ready/);
        assert.equal(devnet.log(node).match(/node ready/g)?.length, 1);
        assert.equal(await devnet.metric('pyralog_consensus_signing_total', node), 1);
      }
    });
  });
});

function multihash(): Uint8Array {
  return encodeMultihash({ algorithm: 'sha256', digest: new Uint8Array(32).fill(5) });
}

const transfer = (amount = 1n): TransactionBody => ({
  kind: 'transfer',
  to: new Uint8Array(32).fill(7),
  amount,
});
