import { PyralogError } from '../base/errors.ts';
import { sleep } from '../base/time.ts';
import type { Chain, NodeAnchorChain, Anchoring as RunningAnchoring } from '../chain/index.ts';
import { parseVerificationKey, type VerificationKey } from '../receipt/index.ts';
import type { AnchorStatus } from '../rpc/index.ts';
import type { LogStore } from '../storage/index.ts';
import { systemClock } from './clock.ts';
import type { NetworkModules } from './network-modules.ts';
import type { Anchoring, NetworkParts } from './network-types.ts';

/** A registration that was not taken (no money yet, no block) is tried again so often. */
const REGISTER_RETRY_MS = 5_000;

export interface AnchorParts extends NetworkParts {
  readonly chain: Chain;
  /** Into the mempool here and to the peers; rejects with a code of chain/. */
  readonly submit: (transaction: Uint8Array) => Promise<void>;
}

/**
 * Registers this node's cluster and brings its logs' checkpoints to the chain, once there is a `transaction` key to pay
 * and sign with. Without one the node keeps its log, and its receipts stay at `checkpoint`.
 */
export async function composeAnchors(
  modules: NetworkModules,
  parts: AnchorParts,
): Promise<Anchoring> {
  const { core, partitions, prepared, logger, chain } = parts;
  const logStore = modules.storage.openNativeLogStore(core, partitions);
  const { transaction } = prepared.keys;
  if (transaction === undefined) {
    logger.info({}, 'no transaction key: the logs here are not anchored');
    return idle(parts, logStore);
  }
  const deps = {
    clock: systemClock,
    network: prepared.networkId,
    parameters: prepared.genesis.chain.parameters,
    signer: modules.consensus.createSeedSigner(transaction.seed),
    reader: chain.reader,
    submit: parts.submit,
    onFinal: (listener: () => void) => chain.onFinal(() => listener()),
    feeMax: BigInt(parts.config.anchor.feeMax),
    log: logger,
  };
  const sender = new modules.chain.AccountSender(deps);
  const anchorChain = modules.chain.createAnchorChain(deps);
  const stopping = new AbortController();
  const trouble: { reason?: string } = {};
  const running = (async () => {
    await register(modules, parts, { sender, trouble, signal: stopping.signal });
    if (stopping.signal.aborted) return undefined;
    const feed = modules.consensus.createSoloReplicator(core, partitions.length);
    return modules.chain.startAnchoring(
      { clock: systemClock, chain: anchorChain, feed, logStore, onBug: parts.onBug },
      { intervalMs: parts.config.anchor.intervalMs },
    );
  })();
  running.catch(parts.onBug);
  return {
    status: () => statusOf(parts, logStore),
    obstacle: async () => trouble.reason,
    figures: () => figuresOf(anchorChain),
    async stop() {
      stopping.abort();
      sender.stop();
      anchorChain.stop();
      await stopRunning(running);
    },
  };
}

async function stopRunning(running: Promise<RunningAnchoring | undefined>): Promise<void> {
  const started = await running.catch(() => undefined); // told to onBug
  await started?.stop();
}

/** Until the chain has the cluster as it is here (A8). */
async function register(
  { chain: module }: NetworkModules,
  { prepared, config, chain, logger }: AnchorParts,
  {
    sender,
    trouble,
    signal,
  }: {
    sender: InstanceType<NetworkModules['chain']['AccountSender']>;
    trouble: { reason?: string };
    signal: AbortSignal;
  },
): Promise<void> {
  const { keys, threshold, faults } = prepared.policy;
  const wanted = {
    name: config.network.cluster,
    policy: { keys: keys.map(readKey), threshold, faults },
    submitters: [sender.account],
    deposit: BigInt(config.anchor.deposit),
  };
  let said = '';
  while (!signal.aborted) {
    try {
      await module.ensureRegistered(sender, chain.reader, wanted);
      delete trouble.reason;
      return;
    } catch (error) {
      if (!(error instanceof PyralogError)) throw error;
      if (signal.aborted) return;
      if (error.message !== said) {
        logger.warn({ err: error, cluster: wanted.name }, 'cluster not registered');
      }
      said = error.message;
      // A full mempool is over by itself.
      if (error.code !== 'chain/mempool-full')
        trouble.reason = `the cluster ${wanted.name} of this node is not registered on the chain: ${said}`;
      await sleep(systemClock, REGISTER_RETRY_MS, signal);
    }
  }
}

function readKey(text: string): VerificationKey {
  const key = parseVerificationKey(text);
  if (!key.ok) throw new Error(`own policy: ${key.message}`);
  return key.value;
}

function figuresOf(chain: NodeAnchorChain): ReturnType<Anchoring['figures']> {
  const { final, refused, unfunded, tooDear } = chain.figures();
  return { final, refused, unfunded, tooDear };
}

function idle(parts: AnchorParts, logStore: LogStore): Anchoring {
  return {
    status: () => statusOf(parts, logStore),
    obstacle: async () =>
      `this node has no transaction key, so its cluster ${parts.config.network.cluster} is not registered by it and its logs are not anchored`,
    figures: () => ({ final: 0, refused: 0, unfunded: 0, tooDear: 0 }),
    stop: async () => {},
  };
}

async function statusOf(
  { chain, config, prepared }: AnchorParts,
  logStore: LogStore,
): Promise<AnchorStatus> {
  const { reader } = chain;
  const name = config.network.cluster;
  const cluster = await reader.cluster(name);
  const account = cluster === undefined ? undefined : await reader.account(cluster.account);
  const logs = await Promise.all(
    logStore.partitions.map(async ({ origin }, partition) => {
      const log = await reader.log(origin);
      const durable = logStore.durableSize(partition);
      if (log === undefined) return { origin, durable, size: 0 };
      const { size, height, cutOffAt } = log;
      return { origin, durable, size, height, ...(cutOffAt === undefined ? {} : { cutOffAt }) };
    }),
  );
  const { feeBase, feePerByte } = prepared.genesis.chain.parameters;
  const least = feeBase + feePerByte * ANCHOR_BYTES;
  return {
    cluster: name,
    ...(cluster === undefined ? {} : { account: cluster.account }),
    ...(account === undefined ? {} : { balance: account.balance }),
    empty: account === undefined || account.balance < least,
    logs,
  };
}

/** Of an anchor with one signature and a consistency path of a few thousand records. */
const ANCHOR_BYTES = 1_000n;
