import { onAbort } from '../base/abort.ts';
import { equalBytes } from '../base/bytes.ts';
import type { Chain, NodeFinalAnchors, TransactionStatus } from '../chain/index.ts';
import { Newest, type PosEngine } from '../consensus/index.ts';
import type { Network } from '../net/index.ts';
import type {
  ChainHead,
  ConsensusStatus,
  FaultOrder,
  FaultsInForce,
  NetworkStatus,
  SubmittedTransaction,
} from '../rpc/index.ts';
import type { BridgeTarget } from './bridge.ts';
import type { NetworkFigures } from './chain-remote.ts';
import { nodeError } from './errors.ts';
import type { Anchoring } from './network-types.ts';
import { vouchedHeight } from './vouched-height.ts';

/** The parts of the network plane that the RPC thread asks about. */
export interface ServedParts {
  readonly chain: Chain;
  readonly engine: PosEngine;
  readonly network: Network;
  /** Takes transactions and tells the peers of them. */
  readonly submit: (
    transactions: readonly Uint8Array[],
  ) => Promise<readonly SubmittedTransaction[]>;
  readonly anchoring: Anchoring;
  readonly anchors: NodeFinalAnchors;
  readonly voteKey: Uint8Array | undefined;
  /** A validator of genesis that cannot vote: what to do about it. */
  readonly idle: string | undefined;
  /** Only devnets may be told to fail on purpose. */
  readonly faultInjection: boolean;
}

/** What `node/chain-remote.ts` calls. Arguments come from the same program: they are what the proxy's types say. */
export function chainTarget(parts: ServedParts): BridgeTarget {
  const { chain, network, anchors } = parts;
  const { reader } = chain;
  const heads = new Newest<ChainHead>();
  const first = reader.head();
  if (first !== undefined) heads.set(first);
  const settled = new Settled();
  chain.onFinal(({ height, id, header, transactions }) => {
    heads.set({ height, id, time: header.time });
    settled.settle(transactions, { height, time: header.time });
  });
  chain.mempool.onDropped((id) => settled.wake(id));
  return {
    account: ([key]) => reader.account(key as Uint8Array),
    nextNonce: ([key]) => reader.nextNonce(key as Uint8Array),
    cluster: ([name]) => reader.cluster(String(name)),
    log: ([origin]) => reader.log(String(origin)),
    block: ([height]) => reader.block(Number(height)),
    transaction: ([id]) => reader.transaction(id as Uint8Array),
    anchor: ([origin, size]) => reader.anchor(String(origin), Number(size)),
    anchorProof: ([origin, size, byHistory]) =>
      reader.anchorProof(String(origin), Number(size), byHistory === true),
    transactionProof: ([id]) => reader.transactionProof(id as Uint8Array),
    stateProof: ([key]) => reader.stateProof(key as Uint8Array),
    submitBatch: ([transactions]) => parts.submit(transactions as readonly Uint8Array[]),
    settled: ([id], signal) =>
      settled.wait(id as Uint8Array, signal, () => reader.transaction(id as Uint8Array)),
    heads: (_args, signal) => heads.read('now', signal),
    finalAnchors: ([origin], signal) => anchors.subscribe(String(origin), signal),
    consensusStatus: async () => consensusStatus(parts),
    network: async () => networkStatus(parts),
    anchorStatus: () => parts.anchoring.status(),
    anchorObstacle: () => parts.anchoring.obstacle(),
    figures: async () => figures(parts),
    fault: async ([order]) => injectFault(parts, order as FaultOrder),
    ban: async ([peer, seconds]) => network.ban(String(peer), Number(seconds) * 1_000),
    unban: async ([peer]) => network.unban(String(peer)),
  };
}

type Final = Extract<TransactionStatus, { state: 'final' }>;

/** Those who wait for a transaction: a block that has it is their answer, without another look into the store. */
class Settled {
  readonly #waiting = new Map<string, Set<(final?: Final) => void>>();
  /** While somebody waits. */
  #look: NodeJS.Timeout | undefined;

  settle(ids: readonly Uint8Array[], block: { height: number; time: number }): void {
    if (this.#waiting.size === 0) return;
    for (const [index, id] of ids.entries()) {
      const final = { state: 'final', index, ...block } as const;
      for (const wake of this.#waiting.get(keyOf(id)) ?? []) wake(final);
    }
  }

  /** It left the mempool: whoever waits for it looks again. */
  wake(id: Uint8Array): void {
    for (const wake of this.#waiting.get(keyOf(id)) ?? []) wake();
  }

  /** Resolves once it is not pending. Looks first, and again every {@link LOOK_MS}. Rejects with the signal's reason. */
  async wait(
    id: Uint8Array,
    signal: AbortSignal,
    look: () => Promise<TransactionStatus>,
  ): Promise<TransactionStatus> {
    const key = keyOf(id);
    for (;;) {
      signal.throwIfAborted();
      // Before the look: a block that comes meanwhile is heard.
      const woken = this.#once(key, signal);
      const status = await look();
      if (status.state !== 'pending') {
        woken.cancel();
        return status;
      }
      const final = await woken.final;
      if (final !== undefined) return final;
    }
  }

  #once(
    key: string,
    signal: AbortSignal,
  ): { readonly final: Promise<Final | undefined>; cancel(): void } {
    const { promise, resolve } = Promise.withResolvers<Final | undefined>();
    const wakers = this.#waiting.get(key) ?? new Set();
    const wake = (final?: Final) => {
      unheed();
      wakers.delete(wake);
      if (wakers.size === 0 && this.#waiting.get(key) === wakers) this.#forget(key);
      resolve(final);
    };
    const unheed = onAbort(signal, () => wake());
    wakers.add(wake);
    this.#waiting.set(key, wakers);
    this.#look ??= setInterval(() => this.#wakeAll(), LOOK_MS);
    return { final: promise, cancel: () => wake() };
  }

  #forget(key: string): void {
    this.#waiting.delete(key);
    if (this.#waiting.size > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }

  /** What is forgotten altogether is told by nobody. */
  #wakeAll(): void {
    for (const wakers of [...this.#waiting.values()]) for (const wake of wakers) wake();
  }
}

/** So often those who wait look by themselves. */
const LOOK_MS = 1_000;

function keyOf(id: Uint8Array): string {
  return Buffer.from(id).toString('latin1');
}

function consensusStatus({ chain, engine, network, voteKey }: ServedParts): ConsensusStatus {
  const { height, round, rounds, decisionSeconds } = engine.figures();
  const { catchingUp, peerHeads } = engine.posFigures();
  const set = chain.app.validators(height) ?? [];
  const isSelf = (key: Uint8Array) => voteKey !== undefined && equalBytes(key, voteKey);
  const told = network.peers().map(({ id, hello }) => {
    return { voteKey: hello.voteKey, head: peerHeads.get(id) ?? hello.headHeight };
  });
  const head = engine.head()?.height ?? 0;
  return {
    height,
    round,
    rounds,
    role: set.some(({ key }) => isSelf(key)) ? 'validator' : 'full',
    validators: set.map(({ name, key, power }) => ({ name, key, power, self: isSelf(key) })),
    lastDecisionSeconds: decisionSeconds,
    peersHearing: set.filter(({ key }) =>
      told.some(({ voteKey }) => voteKey !== undefined && equalBytes(voteKey, key)),
    ).length,
    syncing: catchingUp || vouchedHeight(set, told) > head + 1,
  };
}

function networkStatus({ chain, engine, network }: ServedParts): NetworkStatus {
  const { peerHeads } = engine.posFigures();
  const set = chain.app.validators(engine.figures().height) ?? [];
  const nameOf = (key: Uint8Array | undefined) =>
    key === undefined ? undefined : set.find((one) => equalBytes(one.key, key))?.name;
  return {
    id: network.self,
    addresses: network.addresses(),
    banned: network.metrics().bannedPeers,
    peers: network.peers().map(({ id, address, hello, score, inbound, rttMs, since }) => {
      const name = nameOf(hello.voteKey);
      return {
        id,
        address,
        inbound,
        height: peerHeads.get(id) ?? hello.headHeight,
        score,
        since,
        ...(rttMs === undefined ? {} : { roundTripMs: rttMs }),
        ...(name === undefined ? {} : { name }),
      };
    }),
  };
}

/** Why this node does not vote though it should. */
function warnings({ engine, idle }: ServedParts): string[] {
  const { mode } = engine.posFigures();
  const mute = mode === 'signing' || mode === 'observer' ? [] : [MUTE[mode]];
  return idle === undefined ? mute : [idle, ...mute];
}

const MUTE = {
  'protection-behind':
    'does not vote: its vote key signed what its slashing protection does not know (P26); see docs/OPERATIONS.md',
  disk: 'does not vote: its log or slashing protection could not be written (P34); free or replace the disk and start again',
} as const;

function figures(parts: ServedParts): NetworkFigures {
  const { chain, engine, network, anchoring } = parts;
  const { height, rounds, decisionSeconds, refusedMessages } = engine.figures();
  const { mode, syncedBlocks, misbehaviour } = engine.posFigures();
  return {
    chain: chain.figures(),
    net: network.metrics(),
    consensus: {
      height,
      rounds,
      decisionSeconds,
      refusedMessages,
      syncedBlocks,
      misbehaviour,
      signing: mode === 'signing',
    },
    anchors: anchoring.figures(),
    warnings: warnings(parts),
  };
}

function injectFault({ network, faultInjection }: ServedParts, order: FaultOrder): FaultsInForce {
  const { faults } = network;
  if (order.action === 'show') return faults.state();
  if (!faultInjection) {
    throw nodeError(
      'node/no-faults',
      'faults on purpose are for devnets; p2p.faultInjection = true allows them here',
    );
  }
  switch (order.action) {
    case 'partition':
      faults.partition(order.peers, order.directions);
      break;
    case 'heal':
      faults.heal(order.peers);
      break;
    case 'delay':
      faults.delay(order.delayMs, order.jitterMs);
      break;
    case 'drop':
      faults.drop(order.rate);
      break;
    case 'clear':
      faults.clear();
      break;
  }
  return faults.state();
}
