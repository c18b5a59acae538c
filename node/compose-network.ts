import { assert } from '../base/errors.ts';
import type { Admission, Chain } from '../chain/index.ts';
import type { PosEngine } from '../consensus/index.ts';
import type { Network } from '../net/index.ts';
import type { SubmittedTransaction } from '../rpc/index.ts';
import { chainTarget } from './chain-served.ts';
import { systemClock } from './clock.ts';
import { composeAnchors } from './compose-anchors.ts';
import { idleValidator, idleValidatorText } from './idle-validator.ts';
import { loadNetworkModules, type NetworkModules } from './network-modules.ts';
import type { NetworkParts, NetworkPlane } from './network-types.ts';
import { readPeerBook, writePeerBook } from './peer-book-file.ts';
import { versionText } from './version.ts';

/**
 * The network half of `compose.ts`: peers, consensus, chain and anchors, in the main thread. Imported only by a node
 * whose genesis has a chain.
 */

/** Main thread. Rejects with a code of storage/, chain/, consensus/ or net/; everything opened is closed again. */
export async function composeNetwork(parts: NetworkParts): Promise<NetworkPlane> {
  const modules = await loadNetworkModules();
  const stack = new AsyncDisposableStack();
  try {
    const running = await openParts(modules, parts, stack);
    const idle = idleWarning(parts.prepared);
    if (idle !== undefined) parts.logger.warn({}, idle);
    const target = chainTarget({
      ...running,
      voteKey: parts.prepared.keys.vote?.publicKey,
      idle,
      faultInjection: parts.config.p2p.faultInjection,
    });
    const opened = stack.move();
    return { target, stop: () => opened.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function idleWarning({ genesis, keys }: NetworkParts['prepared']): string | undefined {
  const { vote, transaction } = keys;
  const name = idleValidator(genesis, { vote, account: transaction?.publicKey });
  return name === undefined ? undefined : idleValidatorText(name);
}

/** What is opened later is stopped first: anchors, gossip, engine, chain, peers, store. */
async function openParts(
  modules: NetworkModules,
  parts: NetworkParts,
  stack: AsyncDisposableStack,
) {
  const chain = await openStoredChain(modules, parts, stack);
  const network = await joinNetwork(modules, { ...parts, chain }, stack);
  const engine = await startEngine(modules, { ...parts, chain, network }, stack);
  const gossip = modules.chain.startTransactionGossip({
    mempool: chain.mempool,
    gossip: network.gossip,
    clock: systemClock,
    onBug: parts.onBug,
  });
  stack.defer(() => gossip.stop());
  const admit = async (transactions: readonly Uint8Array[]) => {
    const admissions = await chain.mempool.add(transactions);
    for (const admission of admissions) {
      if (admission.ok && admission.fresh) gossip.announce(admission.id);
    }
    return admissions;
  };
  const submit = async (transactions: readonly Uint8Array[]) =>
    (await admit(transactions)).map(submittedOf);
  const submitOne = async (transaction: Uint8Array) => {
    const [admission] = await admit([transaction]);
    assert(admission !== undefined, 'the mempool answers every transaction');
    if (!admission.ok) throw admission.error;
  };
  const anchoring = await composeAnchors(modules, {
    ...parts,
    chain,
    submit: submitOne,
  });
  stack.defer(() => anchoring.stop());
  const { reader } = chain;
  const anchors = modules.chain.createFinalAnchors({ reader, onFinal: (f) => chain.onFinal(f) });
  return { chain, network, engine, submit, anchoring, anchors };
}

function submittedOf(admission: Admission): SubmittedTransaction {
  if (admission.ok) return { ok: true, id: admission.id };
  const { code, message, data } = admission.error;
  return { ok: false, code, message, data };
}

async function openStoredChain(
  { chain, native, storage }: NetworkModules,
  { prepared, config, logger, onBug }: NetworkParts,
  stack: AsyncDisposableStack,
): Promise<Chain> {
  const { genesis, networkId } = prepared;
  const store = await storage.openLevelKeyValue(prepared.paths.chain);
  stack.defer(() => store.close());
  const tree = native.openStateTree();
  stack.defer(() => tree.close());
  const opened = await chain.openChain(
    {
      store,
      tree,
      genesis: { network: networkId, time: genesis.time, chain: genesis.chain },
      verifyCertificate: ({ height, id }, validators, certificate) =>
        native.verifyCommit({ network: networkId, validators, height, id, certificate }).ok,
      openMempool: (state) =>
        chain.createMempool(
          {
            clock: systemClock,
            state,
            network: networkId,
            parameters: genesis.chain.parameters,
            onBug,
          },
          {
            countMax: config.consensus.mempoolTransactions,
            bytesMax: config.consensus.mempoolMiB * MIB,
          },
        ),
      log: logger,
      onBug,
    },
    chain.CHAIN_DEFAULTS,
  );
  stack.defer(() => opened.close());
  return opened;
}

async function joinNetwork(
  { net }: NetworkModules,
  { prepared, config, logger, onBug, chain }: NetworkParts & { chain: Chain },
  stack: AsyncDisposableStack,
): Promise<Network> {
  const { p2p } = config;
  const { transport, vote } = prepared.keys;
  const listen = p2p.listen.length === 0 ? ['/ip4/127.0.0.1/tcp/0'] : p2p.listen;
  const network = await net.createLibp2pNetwork(
    {
      clock: systemClock,
      random: Math.random,
      log: logger,
      onBug,
      peerBook: {
        load: () => readPeerBook(prepared.paths.peers),
        save: (text) => writePeerBook(prepared.paths.peers, text),
      },
    },
    {
      seed: transport.seed,
      hello: () => ({
        version: net.PROTOCOL_VERSION,
        networkId: prepared.networkId,
        genesisHash: prepared.genesisHash,
        role: vote === undefined ? 'full' : 'validator',
        ...(vote === undefined ? {} : { voteKey: vote.publicKey }),
        headHeight: chain.app.head()?.height ?? 0,
        agent: `pyralog/${versionText()}`,
      }),
      listen,
      announce: p2p.announce,
      bootstrap: p2p.peers,
      mdns: p2p.mdns,
      dht: p2p.discovery,
      websocket: listen.some((address) => /\/wss?(\/|$)/.test(address)),
      limits: {
        connectionsMax: p2p.connectionsMax,
        connectionsPerAddressMax: p2p.connectionsPerAddressMax,
      },
    },
  );
  stack.defer(() => network.close());
  return network;
}

async function startEngine(
  { consensus }: NetworkModules,
  parts: NetworkParts & { chain: Chain; network: Network },
  stack: AsyncDisposableStack,
): Promise<PosEngine> {
  const { prepared, config, chain, network, logger, onBug } = parts;
  const { vote } = prepared.keys;
  const { maxDelayMs, precisionMs } = prepared.genesis.chain.parameters;
  const engine = consensus.createPosEngine(
    {
      network,
      clock: systemClock,
      disk: await consensus.openPosDisk(prepared.paths.consensus),
      ...(vote === undefined ? {} : { signer: consensus.createSeedSigner(vote.seed) }),
      chain: { network: prepared.networkId, maxDelayMs, precisionMs },
      log: logger,
      onBug,
      random: Math.random,
    },
    {
      ...consensus.POS_PRESETS[config.consensus.preset],
      blockIntervalMs: config.consensus.blockIntervalMs,
      heartbeatMs: config.consensus.heartbeatMs,
    },
  );
  stack.defer(() => engine.stop());
  await engine.start(chain.app, new AbortController().signal);
  return engine;
}

const MIB = 2 ** 20;
