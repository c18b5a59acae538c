import { silentLogger } from '../../base/log.ts';
import {
  createCosigner,
  createInstantEngine,
  createMemorySignedStates,
  createPosEngine,
  createProtection,
  createSeedSigner,
  MemoryChain,
  MemoryPosDisk,
  openAnchor,
  POS_PRESETS,
} from '../../consensus/index.ts';
import { seededRandom } from '../../devnet/sim/random.ts';
import { createMemoryNetworkHub, type Hello, PROTOCOL_VERSION } from '../../net/index.ts';
import type { Checkpoint } from '../../receipt/index.ts';
import { createMemoryLogStore, encodeProposal, type MemoryLogStore } from '../../storage/index.ts';
import { memoryParts, partitionsOf, SCOPE } from '../support/memory-notary.ts';
import { realClock } from '../support/real-clock.ts';
import { NoteApp } from '../unit/consensus/pos-app.ts';
import { validatorsOf } from '../unit/consensus/pos-world.ts';
import { describeAnchor } from './anchor.ts';
import { describeCosigner } from './cosigner.ts';
import { describeEngine, type MadeEngine } from './engine.ts';
import { describeReplicator } from './replicator.ts';
import { describeSigner } from './signer.ts';

describeSigner('key in memory', async () => [
  createSeedSigner(new Uint8Array(32).fill(1)),
  createSeedSigner(new Uint8Array(32).fill(2)),
]);

describeReplicator('in memory', async () => {
  const { store, replicator, trust } = memoryParts(partitionsOf(2), realClock);
  return { store, replicator, trust, close: async () => replicator.close() };
});

describeCosigner('key in memory', async () => {
  const states = createMemorySignedStates();
  const options = { name: `${SCOPE}/node-0`, seed: new Uint8Array(32).fill(7) };
  const full = logOf(8);
  const cosignerOf = (logStore: MemoryLogStore) =>
    createCosigner({ logStore, states, clock: realClock }, options);
  const checkpoint = (size: number): Checkpoint => ({
    origin: full.partitions[0]?.origin ?? '',
    size,
    root: full.root(0, size, 'blake3'),
    epoch: 1,
    time: 1_780_000_000_000,
  });
  return {
    cosigner: cosignerOf(full),
    checkpoint,
    restore: async (size) => cosignerOf(logOf(size)),
  };
});

const onBug = (bug: unknown) => {
  throw bug;
};

describeEngine('instant', async () => ({
  engine: createInstantEngine({ clock: realClock, onBug }),
  app: new NoteApp([]),
  others: [],
  stop: async () => {},
}));

describeEngine('proof of stake, alone', () => posNetwork(1));
describeEngine('proof of stake, four validators', () => posNetwork(4));

/** Engines of one network on real time; the first is the one that is tested. */
async function posNetwork(count: number): Promise<MadeEngine> {
  const { infos, signers } = validatorsOf(count);
  const hub = createMemoryNetworkHub(realClock, seededRandom(1));
  const chain = { network: 'test', maxDelayMs: 5_000, precisionMs: 500 };
  const nodes = await Promise.all(
    signers.map(async (signer, i) => {
      const random = seededRandom(i + 1);
      const disk = new MemoryPosDisk({ random });
      const owner = { network: chain.network, key: signer.publicKey };
      await createProtection({ disk, random }, { ...owner, newValidator: true });
      const hello: Hello = {
        version: PROTOCOL_VERSION,
        networkId: chain.network,
        genesisHash: new Uint8Array(32),
        role: 'validator',
        voteKey: signer.publicKey,
        headHeight: 0,
        agent: 'test',
      };
      const network = hub.join(() => hello, { id: `n${i}`, onBug });
      const deps = { network, clock: realClock, disk, random, signer, chain, log: silentLogger };
      const engine = createPosEngine({ ...deps, onBug }, POS_PRESETS.fast);
      return { engine, network, app: new NoteApp(infos) };
    }),
  );
  for (const [i, { network }] of nodes.entries()) {
    for (const other of nodes.slice(0, i)) {
      const [address = ''] = other.network.addresses();
      await network.dial(address, new AbortController().signal);
    }
  }
  const [first, ...others] = nodes;
  if (first === undefined) throw new Error('a network has a node');
  first.app.others = others.map(({ app }) => app);
  const stop = async () => {
    for (const { network } of nodes) await network.close();
  };
  return { ...first, others, stop };
}

describeAnchor('on a chain in memory', async () => {
  const { store, replicator } = memoryParts(partitionsOf(1), realClock);
  const chain = new MemoryChain(
    { clock: realClock, random: seededRandom(1) },
    { blockMsMax: 2, refuseRate: 0.2, loseAnswerRate: 0.2 },
  );
  const anchor = await openAnchor(
    {
      clock: realClock,
      chain,
      logStore: store,
      onBug: (bug) => {
        throw bug;
      },
    },
    { intervalMs: 5, retryMs: 2 },
  );
  return {
    anchor,
    origin: store.partitions[0]?.origin ?? '',
    checkpoint: async (size) => {
      const more = size - store.durableSize(0);
      const records = Array.from({ length: more }, (_, i) => ({
        schemaId: 0,
        value: Buffer.from(`${size} ${i}`),
        submitter: '',
      }));
      if (more > 0) {
        await replicator.propose(0, encodeProposal(records), { wait: 'durable', paths: false });
      }
      return replicator.reached(0, size);
    },
  };
});

/** The same first records whatever the size. */
function logOf(size: number): MemoryLogStore {
  const store = createMemoryLogStore(partitionsOf(1));
  const records = Array.from({ length: size }, (_, i) => ({
    schemaId: 0,
    value: Buffer.from(`${i}`),
    submitter: '',
  }));
  const idOf = (index: number) => BigInt(index + 1);
  store.apply(0, { epoch: 1, timestamp: 1_780_000_000_000, idOf, records });
  return store;
}
